"""Binding: check the arrays against the symbol, all of them before anything runs, and compile."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, Literal

import numpy as np

from minisym.core.collector import paused
from minisym.core.context import Context
from minisym.core.errors import (
    ArrayTypeError,
    BindError,
    GradientError,
    IncompleteError,
    Row,
    count,
    did_you_mean,
    listed,
    meant,
)
from minisym.core.graph import Graph
from minisym.core.naming import NameManager
from minisym.core.ndarray import Array, NDArray, is_masked
from minisym.core.node import Entry, Node
from minisym.core.op import get
from minisym.core.params import DTYPES as DTYPE_NAMES
from minisym.core.params import dtype_from_user
from minisym.core.shapes import from_user, is_known, is_np_shape, show
from minisym.core.symbol import Symbol, connect
from minisym.passes import verify
from minisym.passes.gradient import gradient
from minisym.passes.infer import infer
from minisym.passes.order import find_writes
from minisym.passes.typed import Inference, Typed
from minisym.runtime.aliasing import check_aliasing
from minisym.runtime.binding import Binding
from minisym.runtime.executor import Executor
from minisym.runtime.late import measured, seed_arrays
from minisym.runtime.layout import zeros
from minisym.runtime.peers import Peers
from minisym.runtime.plan import NO_MEMORY, Memory
from minisym.runtime.plans import Plans

Request = Literal["write", "add", "null"]
REQUESTS: Final = ("write", "add", "null")
Arrays = Mapping[str, Any] | Sequence[Any]


def bind(
    symbol: Symbol,
    ctx: Context | None = None,
    args: Arrays | None = None,
    args_grad: Arrays | None = None,
    grad_req: str | Sequence[str] | Mapping[str, str] = "write",
    aux_states: Arrays | None = None,
    group2ctx: object = None,
    shared_exec: object = None,
    *,
    optimize: bool = True,
    comm: Any = None,
) -> Executor:
    """Bind arrays to a symbol's variables and return an `Executor`.

    The arrays are not copied: a run reads them, and updates write into them.

    Parameters
    ----------
    ctx, group2ctx, shared_exec
        Accepted for code written for MXNet; there is one device, and memory is planned anyway.
    args
        The arguments' arrays: a list in the order of `list_arguments`, or a dict by name, which may
        hold other names, too.
    args_grad
        The arrays that `backward` fills, likewise; those that are absent get no gradient.
    grad_req
        "write", "add" or "null": for all, by position, or by name (absent: "null").
    aux_states
        The auxiliary states' arrays.
    optimize
        Whether what runs may be a simpler graph, which computes the same; see
        `Executor.get_optimized_symbol`. Without it each node runs as it was composed.
    comm
        For the exchanges of a symbol that several processes run: a communicator of mpi4py, or
        `ms.parallel.Peers` of one. Without it a process is alone.

    Raises
    ------
    BindError
        Arrays are missing, read-only where a run writes, or share memory with one that is written.
    ArrayTypeError
        Something that is no NumPy array was given.
    ShapeError, DtypeError
        Shapes or types do not fit the symbol.

    Examples
    --------
    >>> import numpy as np
    >>> from minisym import sym
    >>> net = sym.dot(sym.Variable("x"), sym.Variable("w"))
    >>> x, w, slope = np.array([[1.0, 2.0]]), np.eye(2), np.zeros((2, 2))
    >>> executor = net.bind(args={"x": x, "w": w}, args_grad={"w": slope})
    >>> executor.forward()
    [NDArray([[1., 2.]])]
    >>> executor.backward(np.ones((1, 2)))
    >>> slope
    array([[1., 1.],
           [2., 2.]])
    """
    del group2ctx, shared_exec
    if ctx is not None and not isinstance(ctx, Context):
        message = f"bind: ctx must be a context such as ms.cpu(), but got {type(ctx).__name__}"
        raise ArrayTypeError(message, hint="name the arrays: bind(args=…)")
    graph = symbol.graph
    if verify.is_on():
        verify.verify(graph)
    _refuse_duplicates(graph)
    arguments = [node for node in graph.variables if node not in graph.auxiliary]
    states = [node for node in graph.variables if node in graph.auxiliary]
    given = _match(arguments, args, "args", symbol)
    bound_states = _match(states, aux_states, "aux_states", symbol)
    requests = _requests(arguments, grad_req)
    gradients = None if args_grad is None else _match_some(arguments, args_grad)
    return _compile(
        Binding(
            symbol, given, bound_states, gradients, requests,
            optimize=bool(optimize), comm=_peers(graph, comm),
        )
    )  # fmt: skip


def evaluate(symbol: Symbol, /, ctx: Context | None = None, **kwargs: Any) -> list[NDArray]:
    """Bind the given arrays, run once, and return the outputs.

    >>> from minisym import sym
    >>> (sym.Variable("a") * 2).eval(a=np.array([1.0, 2.0]))
    [NDArray([2., 4.])]
    """
    return bind(symbol, ctx, args=kwargs, grad_req="null").forward()


def simple_bind(
    symbol: Symbol,
    /,
    ctx: Context | None = None,
    grad_req: str | Sequence[str] | Mapping[str, str] | None = None,
    type_dict: Mapping[str, Any] | None = None,
    stype_dict: object = None,
    group2ctx: object = None,
    shared_arg_names: Sequence[str] | None = None,
    shared_exec: Executor | None = None,
    shared_buffer: object = None,
    optimize: Any = True,
    comm: Any = None,
    **shapes: Any,
) -> Executor:
    """Infer all shapes from some, allocate zeros for every variable and gradient, and bind them.

    As in MXNet a parameter that nobody fills stays 0, without a word: `copy_params_from` or an
    initializer (`ms.init`) gives it a value, `arg_dict` and `aux_dict` hold the arrays.

    Parameters
    ----------
    grad_req
        As in `bind`. The default is "write", and "null" for a symbol that updates its arguments
        itself: its gradients are in the graph already.
    type_dict
        Element types by argument name; float32 where nothing else follows.
    shared_arg_names, shared_exec
        Arguments that take the arrays and gradients of that executor, which has states of the same
        names shared, too: one set of parameters for several shapes of the data.
    optimize, comm
        As in `bind`; of a symbol that has an input of this name, its shape.
    **shapes
        Shapes by argument name.

    Raises
    ------
    BindError
        The shapes given do not decide all others; the message lists which. Or an array that is to
        be shared has another shape or type.

    Examples
    --------
    >>> from minisym import sym
    >>> net = sym.FullyConnected(sym.Variable("data"), num_hidden=3, name="fc")
    >>> executor = net.simple_bind(data=(4, 2))
    >>> {name: array.shape for name, array in executor.arg_dict.items()}
    {'data': (4, 2), 'fc_weight': (3, 2), 'fc_bias': (3,)}
    >>> executor.arg_dict["fc_bias"][:] = [1, 2, 3]
    >>> executor.forward()[0][0]
    NDArray([1., 2., 3.], dtype=float32)
    """
    del ctx, stype_dict, group2ctx, shared_buffer
    graph = symbol.graph
    if verify.is_on():
        verify.verify(graph)
    _refuse_duplicates(graph)
    names = {node.name: node for node in graph.variables}
    if "optimize" in names:
        shapes, optimize = {**shapes, "optimize": optimize}, True
    if "comm" in names:
        shapes, comm = {**shapes, "comm": comm}, None
    known = {
        names[name]: from_user(shape, f"simple_bind: the shape of {name}")
        for name, shape in shapes.items()
        if name in names and _is_shape(name, shape)
    }
    inference = Inference(graph)
    inference.infer_shapes(known, "given to simple_bind")
    found = {n: inference.shapes[Entry(n)] for n in graph.variables}
    unknown = [n for n, shape in found.items() if not is_known(shape)]
    if unknown:
        raise _undecided(unknown, known, found, shapes)
    _warn_of_strangers(shapes, names)
    inference.infer_dtypes(_types(names, type_dict or {}), "given in type_dict")
    arguments = [node for node in graph.variables if node not in graph.auxiliary]
    shared, slopes = _shared(shared_exec, shared_arg_names)
    arrays = {
        node: _array_for(node.name, shape, inference.type_of(Entry(node)), shared)
        for node, shape in found.items()
    }
    if grad_req is None:
        updates = any(w.variable not in graph.auxiliary for w in find_writes(graph).values())
        grad_req = "null" if updates else "write"
    requests = _requests(arguments, grad_req)
    gradients = {
        node: _array_for(node.name, arrays[node].shape, arrays[node].dtype, slopes)
        if requests[node] != "null"
        else None
        for node in arguments
    }
    states = {node: arrays[node] for node in graph.variables if node in graph.auxiliary}
    bound = {node: arrays[node] for node in arguments}
    binding = Binding(
        symbol, bound, states, gradients, requests,
        optimize=bool(optimize), comm=_peers(graph, comm),
    )  # fmt: skip
    return _compile(binding, inference=inference)


def _peers(graph: Graph, comm: Any) -> Peers | None:
    """Return the processes for a graph that exchanges something; of no use to any other."""
    peers = Peers.of(comm)
    return peers if any(node.op is not None and "comm" in node.op.needs for node in graph) else None


def _is_shape(name: str, shape: object) -> bool:
    """Tell shapes from what MXNet ignores; an array is a mistake that it does not tell."""
    if isinstance(shape, np.ndarray):
        raise ArrayTypeError(
            f"simple_bind: {name} must be a shape, but got an array of shape {show(shape.shape)}",
            hint=f"simple_bind({name}={shape.shape}) allocates one; bind(args=…) takes arrays",
        )
    return isinstance(shape, tuple | list)


def _shared(
    executor: Executor | None, names: Sequence[str] | None
) -> tuple[Mapping[str, Array], Mapping[str, Array]]:
    """Return the arrays, and the gradients, that another executor shares."""
    if executor is None or names is None:
        return {}, {}
    arguments = executor.arg_dict
    gradients = {} if executor.grad_arrays is None else executor.grad_dict
    arrays = {name: arguments[name] for name in names if name in arguments}
    slopes = {name: g for name in names if (g := gradients.get(name)) is not None}
    return {**arrays, **executor.aux_dict}, slopes


def _array_for(name: str, shape: Any, dtype: Any, shared: Mapping[str, Array]) -> Array:
    """Return the shared array of this name, or zeros."""
    found = shared.get(name)
    if found is None:
        return zeros(name, shape, dtype)
    if found.shape != shape or found.dtype != dtype:
        raise BindError(
            f"simple_bind: {name} needs shape {show(shape)} and type {np.dtype(dtype)}, but the "
            f"array to be shared has {show(found.shape)} and {found.dtype}",
            hint="its shape depends on what is fed: name it as data or state, not as a parameter",
        )
    return found


def _types(names: Mapping[str, Node], given: Mapping[str, Any]) -> dict[Node, np.dtype[Any]]:
    for name in given:
        if name not in names:
            raise IncompleteError(
                f"simple_bind: type_dict names {name!r}, which is no argument",
                hint=did_you_mean(name, names),
            )
    return {
        names[name]: dtype_from_user(dtype, f"simple_bind: the type of {name}")
        for name, dtype in given.items()
        if dtype is not None
    }


# ------------------------------------------------------------------------------------ the arrays


def _undecided(
    unknown: Sequence[Node],
    known: Mapping[Node, Any],
    found: Mapping[Node, Any],
    given: Iterable[str],
) -> IncompleteError:
    every = [node.name for node in found]
    names = [node.name for node in unknown]
    hint = f"give the shape of {names[0]}; labels need theirs where the network does not fix it"
    for name in given:
        if name not in every and (asked := meant(name, every)):
            hint = f"there is no argument {name!r}: {asked}"
    rows: list[Row] = [(n.name, show(found[n]), "given to simple_bind", "") for n in known]
    rows += [(n.name, show(found[n]), "not decided", "") for n in unknown[: 12 - len(rows)]]
    return IncompleteError(
        f"simple_bind: the shapes given do not decide those of {listed(names)}",
        rows=rows,
        hint=hint,
    )


def _warn_of_strangers(given: Iterable[str], names: Collection[str]) -> None:
    """Say that a shape is of no use, if its name is close to one that has been left out.

    MXNet passes over all that it does not know: there may be shapes of labels for a graph without.
    """
    free = [name for name in names if name not in given]
    for name in given:
        if name not in names and (asked := meant(name, free)):
            message = f"simple_bind: there is no argument {name!r} to give a shape to: {asked}"
            warnings.warn(message, UserWarning, stacklevel=3)


def _refuse_duplicates(graph: Graph) -> None:
    seen: set[str] = set()
    for node in graph.variables:
        if node.name in seen:
            message = f"bind: two different variables are named {node.name!r}"
            raise BindError(
                message,
                origin=node.origin,
                hint="names tell the arrays apart: rename one, or use one Variable in both places",
            )
        seen.add(node.name)


def _match(
    nodes: Sequence[Node], given: Arrays | None, what: str, symbol: Symbol
) -> dict[Node, Array]:
    """Pair variables with arrays; list all that are missing with the shapes they would have."""
    given = {} if given is None else given
    if isinstance(given, Mapping):
        missing = [node for node in nodes if given.get(node.name) is None]
        if missing:
            raise _missing(missing, given, what, symbol)
        chosen = {node: given[node.name] for node in nodes}
    elif isinstance(given, list | tuple):
        if len(given) != len(nodes):
            raise BindError(
                f"bind: {what} has {count(len(given), 'array')}, but there are {len(nodes)}: "
                f"{listed([node.name for node in nodes], 12) or 'none'}",
                hint="a dict by name is safer than a list",
            )
        chosen = dict(zip(nodes, given, strict=True))
    else:
        raise ArrayTypeError(
            f"bind: {what} must be a list or a dict of arrays, but got {type(given).__name__}",
            hint=f"{what}={{name: array}}",
        )
    for node, array in chosen.items():
        _check_array(node.name, array, what)
    return chosen


def _missing(
    missing: Sequence[Node], given: Mapping[str, Any], what: str, symbol: Symbol
) -> BindError:
    known = {
        node: array.shape
        for node in symbol.graph.variables
        if isinstance(array := given.get(node.name), np.ndarray)
    }
    try:
        engine = infer(symbol.graph, known)
        shapes = {n: show(engine[Entry(n)]) for n in missing}
    except (ValueError, TypeError):  # what was given is wrong, too: that error comes later
        shapes = dict.fromkeys(missing, "?")
    rows: list[Row] = [(n.name, shapes[n], "would be its shape", "missing") for n in missing]
    names = [node.name for node in missing]
    hint = "simple_bind allocates arrays for you"
    for name in given.keys() - {*symbol.list_inputs()}:
        if asked := meant(name, names):
            hint = f"there is no argument {name!r}: {asked}"
    return BindError(f"bind: {what} has no array for {listed(names)}", rows=rows[:12], hint=hint)


def _check_array(name: str, array: Any, what: str) -> None:
    if not isinstance(array, np.ndarray):
        kind = type(array).__name__
        message = f"bind: {what}[{name!r}] must be a NumPy array, but got {kind}: {array!r:.60}"
        is_shape = isinstance(array, tuple) and all(isinstance(d, int) for d in array)
        raise ArrayTypeError(
            message,
            hint="that is a shape: simple_bind takes shapes"
            if is_shape
            else f"a run writes into the array itself, so convert it once: np.array({name})",
        )
    if is_masked(array):
        message = f"bind: {what}[{name!r}] is a masked array, and no op knows of masks"
        raise ArrayTypeError(message, hint="array.filled(0) is plain; bind its data, array.data")
    if array.dtype.name not in DTYPE_NAMES or not array.dtype.isnative:
        message = f"bind: {what}[{name!r}] has dtype {array.dtype}, which no op takes"
        raise ArrayTypeError(message, hint=f"one of {', '.join(DTYPE_NAMES)}")
    if 0 in array.shape and not is_np_shape():
        message = f"bind: {what}[{name!r}] has shape {show(array.shape)}, with nothing in it"
        raise BindError(message, hint="arrays of size 0 are allowed under ms.util.np_shape()")


def _match_some(nodes: Sequence[Node], given: Arrays) -> dict[Node, Array | None]:
    """Pair variables with gradient arrays; those without one get None."""
    if isinstance(given, Mapping):
        chosen = {node: given.get(node.name) for node in nodes}
    elif isinstance(given, list | tuple):
        if len(given) != len(nodes):
            message = (
                f"bind: args_grad has {len(given)} arrays, but there are {len(nodes)} arguments"
            )
            raise BindError(message, hint="None stands for no gradient; a dict by name is safer")
        chosen = dict(zip(nodes, given, strict=True))
    else:
        message = f"bind: args_grad must be a list or a dict of arrays, but got {given!r:.60}"
        raise ArrayTypeError(message)
    for node, array in chosen.items():
        if array is not None:
            _check_array(node.name, array, "args_grad")
    return chosen


def _requests(
    nodes: Sequence[Node], grad_req: str | Sequence[str] | Mapping[str, str]
) -> dict[Node, str]:
    if isinstance(grad_req, str):
        requests = dict.fromkeys(nodes, grad_req)
    elif isinstance(grad_req, Mapping):
        requests = {node: grad_req.get(node.name, "null") for node in nodes}
    elif isinstance(grad_req, list | tuple):
        if len(grad_req) != len(nodes):
            raise BindError(
                f"bind: grad_req has {count(len(grad_req), 'word')}, but there are "
                f"{count(len(nodes), 'argument')}: {listed([node.name for node in nodes], 12)}",
                hint="a dict by name is safer than a list",
            )
        requests = dict.fromkeys(nodes, "null") | dict(zip(nodes, grad_req, strict=False))
    else:
        message = f"bind: grad_req must be a string, list or dict, but got {grad_req!r}"
        raise ArrayTypeError(message)
    for node, request in requests.items():
        if request not in REQUESTS:
            message = f"bind: grad_req of {node.name} is {request!r}, not one of {REQUESTS}"
            raise BindError(message, hint=did_you_mean(str(request), REQUESTS))
    return requests


# ----------------------------------------------------------------------------------- compiling


@paused()  # what a plan is made of stays
def _compile(
    binding: Binding, memory: Memory = NO_MEMORY, inference: Inference | None = None
) -> Executor:
    """Make the executor; its outputs take the memory that is given, as far as it fits.

    `inference` is what is known of the graph already; without it, it follows from the arrays.
    """
    symbol, gradients = binding.symbol, binding.gradients or {}
    graph = symbol.graph
    variables = bound = {**binding.arguments, **binding.states}
    wanted = [
        node
        for node, array in gradients.items()
        if array is not None and binding.requests.get(node, "null") != "null"
    ]
    # shapes and types of the symbol itself first: an error there is the user's
    if inference is None:
        inference = Inference.of(graph, bound, "given to bind")
    _check_known(inference)
    for node in wanted:
        _check_gradient(node, bound[node], gradients[node])
    head_variables: list[Node | None] = [None] * len(symbol.entries)
    if wanted:
        graph, head_variables = _with_gradients(symbol, wanted)
        seeds, unknown = seed_arrays(inference, zip(head_variables, symbol.entries, strict=True))
        bound = {**bound, **seeds}
        shapes = {node: array.shape for node, array in seeds.items()} | unknown
        dtypes = {node: array.dtype for node, array in seeds.items()}
        inference.grow(graph, shapes, dtypes, "given to bind")
        _check_known(inference, unknown)
    typed = inference.typed()
    if wanted:
        results = dict(zip(graph.outputs[len(symbol.entries) :], wanted, strict=True))
        _check_rules(typed, results, bound)
        typed = typed.fixed({entry: bound[node].shape for entry, node in results.items()})
    check_aliasing(graph, variables, gradients, wanted, binding.requests)
    plans = Plans(
        typed, bound, len(symbol.entries),
        optimize=binding.optimize, memory=memory, states=binding.kept, comm=binding.comm,
    )  # fmt: skip
    head_grads = [None if node is None else (node, bound[node]) for node in head_variables]
    return Executor(binding, plans, head_grads, wanted, _compile)


def _check_rules(typed: Typed, results: Mapping[Entry, Node], bound: Mapping[Node, Array]) -> None:
    """See that each gradient has the shape of its variable: the rule of an op may be wrong."""
    if verify.is_on():
        verify.verify_gradients(typed.graph, typed.shapes, typed.dtypes)
    for entry, node in results.items():
        shape, needs = typed.shapes[entry], bound[node].shape
        if is_known(shape) and shape != needs:
            raise GradientError(
                f"bind: the gradient of {node.name} has shape {show(shape)}, "
                f"but {node.name} has {show(needs)}",
                origin=entry.node.origin,
                hint="a rule on the way gives a gradient that is not shaped like its input; "
                "MINISYM_VERIFY=1 in the environment names it",
            )


def _check_known(inference: Inference, late: Collection[Node] = ()) -> None:
    """See that each op is one that can run, and that its shapes follow from the arrays.

    Those of the Variables `late`, and of what depends on them, may be found out by a run.
    """
    graph, shapes = inference.graph, inference.shapes
    opaque = [f"{n.op.name} {n.name!r}" for n in graph if n.op and not n.op.is_known]
    if opaque:
        raise BindError(
            f"bind: minisym cannot run {listed(opaque, 12)}: it does not know "
            f"{'this op' if len(opaque) == 1 else 'these ops'}",
            hint="whatever does not depend on it runs: choose inner outputs by get_internals()",
        )
    if all(map(is_known, shapes.values)):
        return
    excused = measured(graph).union(late)
    for entry, shape in shapes.annotation().items():
        if not is_known(shape) and entry.node not in excused:
            op = entry.node.op
            message = (
                f"bind: the shape of {entry.name} ({op.name if op else 'Variable'}) stays unknown: "
                f"{show(shape)}"
            )
            inputs = [shapes[source] for source in entry.node.inputs]
            hint = "its shape rule leaves it open, although the inputs are known"
            raise BindError(
                message,
                origin=entry.node.origin,
                hint=hint if op and all(map(is_known, inputs)) else None,
            )


def _with_gradients(symbol: Symbol, wanted: Sequence[Node]) -> tuple[Graph, list[Node | None]]:
    """Join the gradients to the graph; return it and the variables of the head gradients."""
    seeds = [Entry(Node(None, f"{entry.name}_head_grad")) for entry in symbol.entries]
    found = gradient(
        symbol.graph,
        list(zip(symbol.entries, seeds, strict=True)),
        [Entry(node) for node in wanted],
    )
    with NameManager():
        results = tuple(
            entry if entry is not None else _nothing(node)
            for entry, node in zip(found, wanted, strict=True)
        )
    graph = Graph((*symbol.entries, *results))
    used = set(graph.variables)
    return graph, [seed.node if seed.node in used else None for seed in seeds]


def _nothing(node: Node) -> Entry:
    """Return the gradient of an argument that nothing flows to: zeros."""
    return connect(get("zeros_like"), f"{node.name}_backward", (Entry(node),)).entries[0]


def _check_gradient(node: Node, argument: Array, array: Array | None) -> None:
    assert array is not None
    if array.shape != argument.shape:
        message = (
            f"bind: args_grad[{node.name!r}] has shape {show(array.shape)}, "
            f"but the argument has {show(argument.shape)}"
        )
        raise BindError(message, hint=f"np.zeros_like({node.name})")
    if array.dtype != argument.dtype:
        message = (
            f"bind: args_grad[{node.name!r}] has dtype {array.dtype}, "
            f"but the argument has {argument.dtype}"
        )
        raise ArrayTypeError(message, hint=f"np.zeros_like({node.name})")
    if not array.flags.writeable:
        message = f"bind: args_grad[{node.name!r}] is read-only, but backward writes it"
        raise BindError(message, hint="pass a copy")
