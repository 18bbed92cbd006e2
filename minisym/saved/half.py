"""Which type each parameter of a model has where the data are float16."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from minisym.core.errors import DtypeError, listed
from minisym.core.ndarray import Array
from minisym.core.node import Entry, Node
from minisym.passes.infer import infer
from minisym.passes.slots import DTYPES
from minisym.saved.parts import Parts

_HALF: Final = np.dtype(np.float16)


def half_types(parts: Parts, params: Mapping[str, Array]) -> dict[str, np.dtype[Any]]:
    """Return the types of all float parameters.

    The inputs that have the type of some parameter become float16, and inference says what follows;
    what it leaves open becomes float16 as well.

    Raises
    ------
    DtypeError
        The network itself wants another type.
    """
    graph = parts.graph
    floats = {
        node: params[node.name].dtype
        for node in parts.parameters
        if node.name in params and params[node.name].dtype.kind == "f"
    }
    before = infer(graph, floats, DTYPES)
    known: dict[Node, Any] = {
        node: _HALF
        for node in parts.inputs
        if (found := before[Entry(node)]) is not None and found.kind == "f"
    }
    engine = infer(graph, known, DTYPES)
    for node in floats:
        if engine[Entry(node)] is None:
            known[node] = _HALF
            engine = infer(graph, known, DTYPES)
    if floats and not any(engine[Entry(node)] == _HALF for node in floats):
        fixed = [f"{n.op.name} {n.name!r}" for n in graph if n.op and "dtype" in n.op.params]
        raise DtypeError(
            f"half: no parameter can be float16: the types follow from {listed(fixed, 8)}",
            hint="compose these with dtype='float16': ms.Symbol.replace puts them in their places",
        )
    return {node.name: engine[Entry(node)] for node in floats}
