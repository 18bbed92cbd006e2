"""What to say of a kernel that failed: which shapes it gave, beside those that its rule says.

NumPy knows neither the op nor its outputs. So the kernel is called once more, with outputs that
note the shape of what is put into them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Self

import numpy as np

from minisym.core.errors import Row, count, listed
from minisym.core.ndarray import Array
from minisym.core.node import Node
from minisym.core.op import Op, Rule, is_own
from minisym.core.shapes import show
from minisym.runtime.steps import fed, positional

AS_IT_WAS = "every bound array is as it was before the run"


class Noting(np.ndarray[Any, Any]):
    """An output that takes whatever is put into all of it, and notes its shape."""

    given: tuple[int, ...] | None = None

    def __setitem__(self, key: Any, value: Any) -> None:
        """Note what `out[...] = value` and `out[:] = value` would put there."""
        if key is Ellipsis or (isinstance(key, slice) and key == slice(None)):
            self.given = np.shape(value)
        else:
            super().__setitem__(key, value)

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = (), **kwargs: Any
    ) -> Any:
        """Note the shape of what a ufunc, or a reduction by one, would put there."""
        made = getattr(ufunc, method)(*(_plain(a) for a in inputs), **kwargs)
        return self._noted(out, made)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        """Note the shape of what another function of NumPy would put there."""
        if args and isinstance(args[-1], Noting):
            args, kwargs = args[:-1], {**kwargs, "out": args[-1]}
        if not isinstance(out := kwargs.get("out"), Noting):
            return super().__array_function__(function, types, args, kwargs)
        made = function(*args, **{key: value for key, value in kwargs.items() if key != "out"})
        return self._noted((out,), made)

    def _noted(self, outs: Sequence[Any], made: Any) -> Any:
        for out, value in zip(outs, made if isinstance(made, tuple) else (made,), strict=False):
            if isinstance(out, Noting):
                out.given = np.shape(value)
        return made

    @classmethod
    def like(cls, array: Array) -> Self:
        """Return an output of the same shape and type, with memory of its own."""
        return np.empty(array.shape, array.dtype).view(cls)


def _plain(array: Any) -> Any:
    return array.view(np.ndarray) if isinstance(array, Noting) else array


def shapes_given(
    node: Node, inputs: Sequence[Array], outs: Sequence[Array], *, is_train: bool
) -> list[tuple[int, ...] | None]:
    """Call a kernel that failed once more; return the shapes of what it gives (None: who knows).

    One that may do more than fill its outputs is not called again.
    """
    op = node.op
    assert op is not None
    noting = [Noting.like(out) for out in outs]
    if isinstance(op.kernel, Rule) and not op.has_effects:
        inputs, names, params = fed(node, [_looked_at(a) for a in inputs])
        runtime: Mapping[str, Any] = {
            "out": noting[0] if len(noting) == 1 else tuple(noting),
            "is_train": is_train,
            "rng": np.random.default_rng(0),
        }
        wanted = {n: params[n] if n in params else runtime[n] for n in op.kernel.wants}
        with suppress(Exception):  # it has failed before; what it gave until then is noted
            op.kernel.function(*positional(op, names, inputs), **wanted)
    return [out.given for out in noting]


def _looked_at(array: Array) -> Array:
    view = array.view()
    view.flags.writeable = False
    return view


def told(
    node: Node,
    error: Exception,
    inputs: Sequence[Array],
    outs: Sequence[Array],
    *,
    is_train: bool,
) -> tuple[str, list[Row], str]:
    """Return what is wrong with a kernel that failed, a row for each output, and a hint."""
    op = node.op
    assert op is not None
    names = op.output_names(node.params)
    given = shapes_given(node, inputs, outs, is_train=is_train)
    if all(shape in (None, out.shape) for shape, out in zip(given, outs, strict=True)):
        return str(error), [], AS_IT_WAS if is_own(op) else f"{_to_fill(op, names)}; {AS_IT_WAS}"
    said = "as its shape rule says" if op.shape_rule else "as all arrays have one shape"
    rows = [
        (
            name,
            show(out.shape),
            said,
            "" if shape in (None, out.shape) else f"the kernel gave {show(shape)}",
        )
        for name, out, shape in zip(names, outs, given, strict=True)
    ]
    wrong = [name for name, _, _, remark in rows if remark]
    rule = f"the rule @{op.name}.shape" if op.shape_rule else "elementwise=True"
    return (
        f"its kernel gives {listed(wrong)} another shape than its declaration says",
        rows,
        f"mend the kernel, or {rule}; {AS_IT_WAS}",
    )


def _to_fill(op: Op, names: Sequence[str]) -> str:
    """Say what `out` is, which a kernel of one's own may have taken for something else."""
    if len(names) == 1:
        return "its kernel fills `out`, which is one array"
    return f"its kernel fills `out`, a tuple of {count(len(names), 'array')}: {listed(names)}"
