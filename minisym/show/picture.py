"""A `graphviz.Digraph` that renders without Graphviz, too: by a wheel, or by minisym."""

from __future__ import annotations

import html
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, TypeVar

import graphviz

from minisym.core.files import write_atomically
from minisym.runtime.observe.drawing import FORMATS, Drawing, NoPainterError
from minisym.show import render
from minisym.show.adaptive import adaptive
from minisym.show.measure import BOLD, text_width
from minisym.show.on_top import titles_on_top

T = TypeVar("T")


class Picture(graphviz.Digraph):  # type: ignore[misc]  # graphviz ships no types
    """A drawing: a `graphviz.Digraph` in all respects.

    `pipe` and `render` run the program `dot` if there is one, and the `graphviz-pure` of
    `pip install 'minisym[viz]'` if not. Where there is neither, minisym arranges the boxes itself:
    an svg takes nothing else, png and pdf take matplotlib (`pip install 'minisym[figures]'`).

    >>> from minisym.visualization import plot_network
    >>> from minisym import sym
    >>> isinstance(plot_network(sym.tanh(sym.Variable("x"))), graphviz.Digraph)
    True
    """

    def __init__(
        self,
        name: str,
        format: str,
        body: Iterable[str],
        *,
        follows_reader: bool = False,
        drawing: Callable[[], Drawing] | None = None,
    ) -> None:
        super().__init__(name=name, format=format, body=list(body))
        self.drawing = drawing
        """Draws it without an engine."""
        self.follows_reader = follows_reader
        """An svg of it turns dark where the reader's system is."""

    def _repr_mimebundle_(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Show the picture in a notebook; the source, where it cannot be laid out."""
        try:
            return dict(super()._repr_mimebundle_(*args, **kwargs))
        except Exception:  # noqa: BLE001  a repr must not raise, whatever happens
            return {"text/plain": self.source}

    def pipe(
        self,
        format: str | None = None,
        renderer: str | None = None,
        formatter: str | None = None,
        neato_no_op: bool | int | None = None,
        quiet: bool = False,
        *,
        engine: str | None = None,
        encoding: str | None = None,
    ) -> Any:
        """Return the picture as bytes, or, with an encoding, as a string.

        Raises
        ------
        graphviz.ExecutableNotFound
            There is no program to lay it out.
        graphviz.CalledProcessError
            The program refuses.
        EngineError
            The wheel's program refuses.
        """
        if (own := self.own(format or self.format)) is not None:
            return own if encoding is None else own.decode(encoding)
        if not render.is_wheel_needed():
            options: dict[str, Any] = {
                "format": format,
                "renderer": renderer,
                "formatter": formatter,
            }
            options |= {"neato_no_op": neato_no_op, "quiet": quiet, "engine": engine}
            draw = super().pipe
            made = self._or_simpler(
                lambda: draw(**options), lambda drawing: drawing.pipe(**options)
            )
        else:
            layout = engine or self.engine
            made = render.run_engine(self.source, format or self.format, layout=layout)
        made = self.finished(made, format or self.format)
        return made if encoding is None else made.decode(encoding)

    def own(self, format: str) -> bytes | None:
        """Return what minisym draws, if no engine does it better: without one, and a wheel's pdf.

        (The wheel writes pixels into a pdf; here lines stay lines.)
        """
        if self.drawing is None or format not in FORMATS:
            return None
        engine = render.find_engine()
        if engine is None:
            return self.finished(self.drawing().make(format), format)
        if format == "pdf" and render.is_wheel_needed():
            with suppress(NoPainterError):
                return self.drawing().make(format)
        return None

    def finished(self, made: bytes, format: str) -> bytes:
        """Return what an engine made, with what only an svg can have."""
        if format != "svg":
            return made
        svg = titles_on_top(made.decode("utf-8"))
        if render.is_wheel_needed():
            svg = _with_room(svg)
        return (adaptive(svg) if self.follows_reader else svg).encode("utf-8")

    def render(
        self,
        filename: str | os.PathLike[str] | None = None,
        directory: str | os.PathLike[str] | None = None,
        view: bool = False,
        cleanup: bool = False,
        format: str | None = None,
        renderer: str | None = None,
        formatter: str | None = None,
        neato_no_op: bool | int | None = None,
        quiet: bool = False,
        quiet_view: bool = False,
        *,
        outfile: str | os.PathLike[str] | None = None,
        engine: str | None = None,
        **kwargs: Any,
    ) -> str:
        """Write the source and the picture; return the picture's path.

        The source goes to `filename` (default: the name and `.gv`), the picture beside it with the
        format's suffix behind that, or to `outfile`. Further arguments are those of `graphviz`.

        Raises
        ------
        graphviz.ExecutableNotFound
            There is no program to lay it out.
        graphviz.CalledProcessError
            The program refuses.
        EngineError
            The wheel's program refuses.
        """
        wanted = format or (outfile and Path(outfile).suffix.removeprefix(".").lower())
        own = self.own(str(wanted or self.format))
        if own is None and not render.is_wheel_needed():
            options: dict[str, Any] = {
                "directory": directory,
                "view": view,
                "cleanup": cleanup,
                "format": format,
            }
            options |= {"renderer": renderer, "formatter": formatter, "neato_no_op": neato_no_op}
            options |= {"quiet": quiet, "quiet_view": quiet_view}
            options |= {"outfile": outfile, "engine": engine, **kwargs}
            draw = super().render
            path = self._or_simpler(
                lambda: draw(filename, **options),
                lambda drawing: drawing.render(filename, **options),
            )
            made = Path(path)
            write_atomically(
                made, [self.finished(made.read_bytes(), made.suffix.removeprefix("."))]
            )
            return str(path)
        if outfile is not None:
            target = Path(directory or self.directory or "", outfile)
            format = format or target.suffix.removeprefix(".").lower()
            filename = filename or Path(outfile).with_suffix(".gv")
        format = format or self.format
        source = Path(self.save(filename, directory=directory))
        if outfile is None:
            target = source.with_name(f"{source.name}.{format}")
        if own is None:
            made_ = render.run_engine(self.source, format, layout=engine or self.engine)
            own = self.finished(made_, format)
        write_atomically(target, [own])
        if cleanup:
            source.unlink()
        if view:
            graphviz.view(str(target))
        return str(target)

    def _or_simpler(self, draw: Callable[[], T], draw_simpler: Callable[[graphviz.Source], T]) -> T:
        """Draw the picture; where the engine gives up, less of it."""
        with _advice():
            try:
                return draw()
            except graphviz.CalledProcessError:
                own = {"filename": self.filename, "directory": self.directory}
                own |= {"format": self.format, "engine": self.engine}
                for source in render.simpler(self.source):
                    with suppress(graphviz.CalledProcessError):
                        return draw_simpler(graphviz.Source(source, **own))
                raise


_TEXT: Final = re.compile(r'<text ([^>]*font-size="([\d.]+)"[^>]*)>([^<]*)</text>')


def _with_room(svg: str) -> str:
    """Give words the room that the wheel has measured for them, in Arial, in any font."""

    def fitted(found: re.Match[str]) -> str:
        look, size, words = found.groups()
        wide = text_width(html.unescape(words), float(size)) * (BOLD if "bold" in look else 1)
        room = f'textLength="{wide:.1f}" lengthAdjust="spacingAndGlyphs"'
        return f"<text {look} {room}>{words}</text>" if "textLength" not in look else found[0]

    return _TEXT.sub(fitted, svg)


@contextmanager
def _advice() -> Iterator[None]:
    """Say what to install where graphviz only says what is missing."""
    try:
        yield
    except graphviz.ExecutableNotFound as error:
        error.add_note(render.INSTALL)
        raise
