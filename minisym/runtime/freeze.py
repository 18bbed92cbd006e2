"""Arrays that change no more: `Executor.freeze` marks them, so that nobody writes them unawares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from minisym.core.errors import BindError, ParamError, did_you_mean
from minisym.core.graph import Graph
from minisym.core.ndarray import Array
from minisym.core.node import Node
from minisym.core.shapes import show
from minisym.passes.order import find_writes
from minisym.passes.purpose import is_constant


def parameters(graph: Graph) -> list[Node]:
    """Return the Variables that training changes: what ops learn, and their states."""
    found = set(graph.auxiliary)
    for node in graph:
        if node.op is not None and node.op.learned:
            for name, (source, _) in zip(node.input_names(), node.inputs, strict=False):
                if source.op is None and name in node.op.learned:
                    found.add(source)
    return [node for node in graph.variables if node in found]


def chosen(graph: Graph, names: Iterable[str] | None) -> list[Node]:
    """Return the Variables of some names, or all parameters.

    Raises
    ------
    ParamError
        These are no names, or there is no argument of one.
    BindError
        An update writes one in each run.
    """
    by_name = {node.name: node for node in graph.variables}
    if names is None:
        nodes = parameters(graph)
    else:
        names = [names] if isinstance(names, str) else names
        if not isinstance(names, Iterable):
            raise ParamError(f"freeze takes names of arguments, but got {names!r:.60}")
        names = [str(name) for name in names]
        for name in names:
            if name not in by_name:
                raise ParamError(
                    f"freeze: there is no argument {name!r}", hint=did_you_mean(name, by_name)
                )
        nodes = [by_name[name] for name in names]
    for write in find_writes(graph).values():
        node = write.entry.node
        assert node.op is not None
        if write.variable in nodes and not node.op.learns:
            raise BindError(
                f"freeze: {write.variable.name!r} changes in each run: "
                f"{node.op.name} {node.name!r} writes it",
                origin=node.origin,
                hint="freeze an executor of the network alone, without its updates",
            )
    return nodes


def freeze(arrays: Mapping[str, Array]) -> None:
    """Make arrays read-only, each down to the array whose memory it sees; all of them, or none.

    Raises
    ------
    BindError
        One is a part of a larger array, or sees memory of something else than an array, which may
        be written behind its back.
    """
    chains = {name: _chain(name, array) for name, array in arrays.items()}
    for chain in chains.values():
        for array in chain:
            array.flags.writeable = False


def _chain(name: str, array: Array) -> list[Array]:
    """Return an array and all whose memory it sees, if they see no more than it does."""
    chain = [array]
    while not is_constant(chain[-1]):
        last = chain[-1]
        owner = last.base
        if owner is None:
            break
        if not isinstance(owner, np.ndarray):
            raise _refused(name, f"sees memory of a {type(owner).__name__}, which may be written")
        if owner.nbytes != array.nbytes or owner.ctypes.data != array.ctypes.data:
            raise _refused(name, f"is a part of a larger array, {show(owner.shape)} {owner.dtype}")
        chain.append(owner)
    return chain


def _refused(name: str, reason: str) -> BindError:
    return BindError(
        f"freeze: {name!r} {reason}, so that its values may change although it is read-only",
        hint=f"bind a copy: args={{{name!r}: array.copy(), …}}",
    )
