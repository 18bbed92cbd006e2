"""What inference knows of a graph that is to be drawn."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minisym.core.errors import MinisymError, ShapeError, closest
from minisym.core.graph import Graph
from minisym.core.node import Entry, Node
from minisym.core.params import dtype_from_user
from minisym.core.shapes import Shape, from_user
from minisym.passes.answers import named
from minisym.passes.infer import infer_dtypes, infer_shapes
from minisym.show import text


@dataclass(frozen=True)
class Known:
    """Shapes and types of entries, as far as they are known."""

    shapes: Mapping[Entry, Shape] = field(default_factory=dict)
    dtypes: Mapping[Entry, Any] = field(default_factory=dict)
    dtypes_on_edges: bool = False

    def of(self, entry: Entry) -> str:
        """Return shape and type of an entry: `64×784  f32`."""
        words = [text.shape_text(self.shapes.get(entry)) if self.shapes else ""]
        words.append(text.dtype_text(self.dtypes.get(entry)))
        return "  ".join(word for word in words if word)

    def on_edge(self, entry: Entry) -> str:
        """Return what to write on the edges that leave an entry."""
        if self.dtypes_on_edges:
            return self.of(entry)
        shape = self.shapes.get(entry)
        return text.shape_text(shape) if shape is not None else ""

    def elements(self, variable: Node) -> int | None:
        """Return how many elements a Variable has."""
        return text.elements(self.shapes.get(Entry(variable)))

    def size(self, variable: Node) -> int | None:
        """Return how many bytes a Variable takes; an unknown type is MXNet's default, float32."""
        number = self.elements(variable)
        dtype = np.dtype(self.dtypes.get(Entry(variable)) or np.float32)
        return None if number is None else number * dtype.itemsize


def learn(
    graph: Graph, shape: Mapping[str, Any] | None = None, dtype: Mapping[str, Any] | None = None
) -> Known:
    """Infer for a picture: from what is given, and from what the Variables declare themselves.

    A gradient need not read all that its loss does, so shapes and types may be given to Variables
    that the graph does not have.

    Raises
    ------
    ShapeError
        Shapes were given and contradict each other, or some shape stays wholly unknown. (An unknown
        dimension, 0, is fine: that of the first axis is drawn as N.)
    ParamError
        A name looks like a misspelled one, and something stays unknown.

    Warns
    -----
    RuntimeWarning
        The graph does not have a Variable that was named, and something stays unknown.
    """
    shapes: Mapping[Entry, Shape] = {}
    dtypes: Mapping[Entry, Any] = {}
    if shape is not None:
        here = _of_this(graph, shape)
        if here == shape:
            shapes = complete_shapes(graph, shape)
        else:
            given = {n: from_user(v) for n, v in named(graph, (), here, "shape").items()}
            shapes = infer_shapes(graph, given)
            _judge_strangers(graph, shape, "shape", shapes)
    elif _declared(graph, "__shape__"):
        try:
            shapes = infer_shapes(graph, {})
        except MinisymError:  # nobody asked for shapes: draw without them
            shapes = {}
    if dtype is not None:
        types = named(graph, (), _of_this(graph, dtype), "type").items()
        dtypes = infer_dtypes(
            graph, {n: dtype_from_user(v, f"the type of {n.name}") for n, v in types}
        )
        _judge_strangers(graph, dtype, "type", dtypes)
    elif _declared(graph, "__dtype__"):
        try:
            dtypes = infer_dtypes(graph, {})
        except MinisymError:
            dtypes = {}
    return Known(shapes, dtypes, dtype is not None)


def _of_this(graph: Graph, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what is given to Variables of this graph; anything that is no dict, as it is."""
    if not isinstance(given, Mapping):
        return given
    names = {node.name for node in graph.variables}
    return {name: value for name, value in given.items() if name in names}


def _judge_strangers(
    graph: Graph, given: Mapping[str, Any], what: str, found: Mapping[Entry, Any]
) -> None:
    """Say that the graph does not have a name, if that may be why something is not known."""
    names = {node.name for node in graph.variables}
    strangers = [name for name in given if name not in names]
    if not strangers or None not in found.values():
        return
    for name in strangers:
        if closest(str(name), names):
            named(graph, (), {name: None}, what)  # refuses it
    message = f"there is no argument {strangers[0]!r} to give a {what} to, and not all is known"
    warnings.warn(message, RuntimeWarning, stacklevel=4)


def _declared(graph: Graph, attribute: str) -> bool:
    return any(node.op is None and attribute in node.attrs for node in graph)


def complete_shapes(graph: Graph, shape: Mapping[str, Any]) -> dict[Entry, Shape]:
    """Infer all shapes from those of some Variables; raise `ShapeError` if one stays unknown."""
    given = {n: from_user(v) for n, v in named(graph, (), shape, "shape").items()}
    shapes = infer_shapes(graph, given)
    if any(node.op is not None and not node.op.is_known for node in graph):
        return shapes  # beyond an unknown op nothing is known
    unknown = [node.name for node in graph.variables if shapes[Entry(node)] is None]
    unknown = unknown or [entry.name for entry, found in shapes.items() if found is None]
    if unknown:
        listed = ", ".join(unknown[:10]) + (", …" if len(unknown) > 10 else "")
        message = f"Input shape is incomplete: cannot decide the shape of {listed}"
        raise ShapeError(message, hint="give the shapes of more variables")
    return shapes
