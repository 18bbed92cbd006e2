"""Composing: from an op and what the user wrote to a new node.

`compose` does it for a function call with all its freedoms: inputs by position or keyword, absent
inputs that become variables, parameters by position behind the inputs, R's dotted spellings, user
attributes, and a float parameter that is itself a Symbol. (Python's operators take the short way,
`connect`.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from minisym.core.errors import ComposeError, ParamError, count, did_you_mean
from minisym.core.naming import auto_name, check_strings, hide, is_attribute, scoped_attrs
from minisym.core.node import Entry, Node
from minisym.core.op import FROM_INPUT, NO_PARAMS, SYMBOL_PARAMS, Op, Params, find
from minisym.core.origin import capture
from minisym.core.params import write
from minisym.core.several import Several
from minisym.core.symbol import Symbol


def compose(
    op: Op,
    hint: str,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Make the node that a call `function(*args, **kwargs)` describes.

    Raises
    ------
    ParamError
        A required parameter is missing, one is unknown, or one has a value that it cannot take.
    ComposeError
        An input is no Symbol, has several outputs, is given twice, or is not there with these
        parameters.
    """
    if name is not None and not isinstance(name, str):
        message = f"{op.name}: name must be a string, but got {name!r}"
        raise ComposeError(message)
    if op.choose is not None:
        op = op.chosen(_plain(kwargs, attr))
    inputs, given, attrs = _sort_out(op, args, kwargs, name, attr)
    _check_symbols(op, inputs, given, name)
    computed = {key: value for key, value in given.items() if isinstance(value, Symbol)}
    for key in computed:
        _check_computed(op, key, name)
        given[key] = FROM_INPUT
    if op.count and op.count not in given:
        given[op.count] = op.counted(len(inputs))
    try:
        typed = _typed(op, given, computed, name)
    except ParamError as error:
        error.hint = _one_tuple(op, args) or error.hint
        raise
    if op.named is not None and (names := op.named(typed)):
        places = dict(zip(op.place_names(len(names)), names, strict=True))
        inputs = {places.get(slot, slot): value for slot, value in inputs.items()}
    names = op.input_names(typed, len(inputs))
    if unused := list(inputs.keys() - set(names)):
        message = f"{_subject(op, name)}: with these parameters there is no input {unused[0]}"
        raise ComposeError(message, hint=f"There are: {', '.join(names)}")
    name = auto_name(name, hint)
    attrs |= {key: write(value) for key, value in given.items() if key not in computed}
    if computed:
        attrs[SYMBOL_PARAMS] = ",".join(key for key in typed if key in computed)
    kept = MappingProxyType(attrs) if attrs else NO_PARAMS
    origin = capture()
    inputs |= computed
    entries = tuple(
        _entry(op, slot, inputs[slot], name)
        if slot in inputs
        else Entry(Node(None, f"{name}_{slot}", attrs=initialized(op, slot, kept), origin=origin))
        for slot in names
    )
    return Symbol(Node(op, name, entries, typed, kept, origin).entries())


def _plain(kwargs: Mapping[str, Any], attr: Mapping[str, str] | None) -> dict[str, Any]:
    """Return what a call says that is neither a symbol nor an attribute: parameters."""
    given = {**scoped_attrs(attr), **kwargs}
    return {
        key: value
        for key, value in given.items()
        if not is_attribute(key) and not isinstance(value, Symbol)
    }


def initialized(op: Op, slot: str, attrs: Mapping[str, str]) -> Mapping[str, str]:
    """Return the attributes of a variable made for an input: the op's, and its initializer."""
    init = op.inits.get(slot)
    if init is None or "__init__" in attrs:
        return attrs
    return MappingProxyType({**attrs, "__init__": init})


def _sort_out(
    op: Op,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    name: str | None,
    attr: Mapping[str, str] | None,
) -> tuple[dict[str, Any], dict[str, Any], dict[str, str]]:
    """Tell inputs, parameters and attributes apart."""
    inputs: dict[str, Any] = {}
    given: dict[str, Any] = {}
    attrs = scoped_attrs(attr)
    for key in [key for key in attrs if not is_attribute(key)]:
        given[key] = attrs.pop(key)  # MXNet, too, takes a plain attribute of an op for a parameter
    if op.variadic:
        arrays = args[0] if len(args) == 1 and isinstance(args[0], list | tuple) else args
        inputs.update(zip(op.place_names(len(arrays)), arrays, strict=True))
        slots: tuple[str, ...] = tuple(inputs)
    else:
        slots = tuple(spec.name for spec in op.inputs)
        places = slots + tuple(op.params)
        if len(args) > len(places):
            takes = count(len(places), "argument")
            message = f"{_subject(op, name)} takes {takes}, but got {len(args)}"
            hint = _one_tuple(op, args) or f"in order: {', '.join(places)}"
            raise ComposeError(message, hint=hint)
        optional = {spec.name for spec in op.inputs if spec.when}
        position = 0
        for value in args:
            # parameters may follow the inputs directly: an input that need not exist is passed over
            while (
                position < len(slots)
                and slots[position] in optional
                and not isinstance(value, Symbol)
                and value is not None
            ):
                position += 1
            place = places[position]
            position += 1
            if place in slots:
                if value is not None:
                    inputs[place] = value
            else:
                given[place] = value
    for key, value in kwargs.items():
        word = key.replace(".", "_")  # R's spelling: rescale.grad
        if word in slots or (op.variadic and isinstance(value, Symbol) and word not in op.params):
            if word in inputs:
                message = f"{_subject(op, name)}: input {word} is given twice"
                raise ComposeError(message, hint="by position or by keyword, not both")
            if value is not None:
                inputs[word] = value
        elif word in op.params:
            if word in given:
                message = f"{_subject(op, name)}: parameter {word} is given twice"
                raise ComposeError(message, hint="by position or by keyword, not both")
            given[word] = value
        elif is_attribute(key):
            attrs[hide(key)] = write(value)
        else:
            raise op.unknown_param(key, name)
    return inputs, given, attrs


def _typed(
    op: Op, given: Mapping[str, Any], computed: Mapping[str, Symbol], name: str | None
) -> Params:
    """Read the parameters; those that the graph computes are marked."""
    if not computed:
        return op.read_params(given, name)
    plain = {key: value for key, value in given.items() if key not in computed}
    stand_in = dict.fromkeys(computed, 0.0)  # satisfies `required`; replaced below
    typed = op.read_params(plain | stand_in, name)
    return MappingProxyType(
        {key: FROM_INPUT if key in computed else typed[key] for key in op.params if key in typed}
    )


def _check_computed(op: Op, key: str, name: str | None) -> None:
    param = op.params.get(key)
    if not op.writes or param is None or not param.is_float:
        takes = param.kind if param else "nothing of that name"
        message = f"{_subject(op, name)}: {key} takes {takes}, but got a Symbol"
        raise ComposeError(message, hint="only float parameters of updates may be symbols")


def _check_symbols(
    op: Op, inputs: Mapping[str, Any], given: Mapping[str, Any], name: str | None
) -> None:
    """See that inputs are symbols; for what looks like a parameter, say how those are given."""
    for slot, value in inputs.items():
        if isinstance(value, Symbol):
            continue
        if isinstance(value, Several):
            value.refuse()
        hint = "numbers and arrays enter a graph through a Variable that is bound later"
        for key in op.required:
            written = isinstance(value, int | float | str | tuple | list)
            if written and value != given.get(key) and op.params[key].takes(value):
                hint = f"parameters are given by name: {key}={value!r}"
                break
        raise ComposeError(
            f"{_subject(op, name)}: input {slot} must be a Symbol, but got {type(value).__name__}",
            hint=hint,
        )


def _one_tuple(op: Op, args: Sequence[Any]) -> str | None:
    """Return a hint if integers were given one by one that a parameter takes as one tuple."""
    if op.variadic or not op.params:
        return None
    numbers = args[len(op.inputs) :]
    first = next(iter(op.params.values()))
    if (
        not first.takes((1, 2))
        or len(numbers) < 2
        or not all(type(number) is int for number in numbers)
    ):
        return None
    return f"{first.name} is one tuple: {first.name}={tuple(numbers)}"


def _entry(op: Op, slot: str, value: Symbol, name: str) -> Entry:
    """Return the one entry of an input."""
    if len(value.entries) != 1:
        names = ", ".join(value.list_outputs())
        message = (
            f"{_subject(op, name)}: input {slot} must have one output, "
            f"but this symbol has {len(value.entries)}: {names}"
        )
        raise ComposeError(message, hint="choose one by index or name: symbol[0]")
    return value.entries[0]


def _subject(op: Op, name: str | None) -> str:
    return f"{op.name} {name!r}" if name else op.name


def set_attributes(symbol: Symbol, /, **given: str) -> None:
    """Set attributes, or parameters of the op, in the form of strings.

    Nodes are immutable, so the Symbol holds a changed copy of its node from now on. Symbols that
    were composed of it before keep the node that they have: set attributes first.

    >>> from minisym import sym
    >>> weight = sym.Variable("weight")
    >>> weight._set_attr(lr_mult="2")
    >>> weight.list_attr()
    {'__lr_mult__': '2', 'lr_mult': '2'}
    """
    symbol.entries = _with_attributes(symbol, given)
    for kept in ("_graph", "_named"):  # they are those of the node before
        if hasattr(symbol, kept):
            delattr(symbol, kept)


def _with_attributes(symbol: Symbol, given: Mapping[str, str]) -> tuple[Entry, ...]:
    if symbol.name is None:
        raise ComposeError(f"{symbol!r} is no one node to set attributes of", hint="choose one")
    check_strings(given)
    node = symbol.entries[0].node
    op, params = node.op, dict(node.params)
    for key, value in given.items():
        if op is None:
            continue
        if key in op.params:
            params[key] = op.params[key].read(value, op=op.name, node=node.name)
        elif not is_attribute(key):
            raise op.unknown_param(key, node.name)
    attrs = {**node.attrs, **{hide(key): value for key, value in given.items()}}
    if op is not None and (family := find(op.name)) is not None and family.choose is not None:
        op = family.chosen(params)  # other parameters may mean another op
    new = node.replace(op=op, attrs=MappingProxyType(attrs), params=MappingProxyType(params))
    if len(new.input_names()) != len(node.inputs):
        raise ComposeError(
            f"{new!r} would have other inputs: {', '.join(new.input_names())}",
            hint="compose it anew",
        )
    return tuple(Entry(new, entry.index) for entry in symbol.entries)


def replace_variables(
    symbol: Symbol, /, *args: Symbol, name: str | None = None, **kwargs: Symbol
) -> Symbol:
    """Return a copy in which other symbols have taken the places of Variables.

    `name` is for the heads; all other nodes keep theirs.

    >>> from minisym import sym
    >>> block = sym.tanh(sym.Variable("x"), name="t")
    >>> block(x=sym.Variable("a") + sym.Variable("b")).list_arguments()
    ['a', 'b']
    """
    if args and kwargs:
        message = "compose by position or by keyword, not both"
        raise ComposeError(message)
    if args:
        message = f"{symbol!r} is composed already: its inputs are replaced by keyword"
        raise ComposeError(message, hint=f"one of {', '.join(symbol.list_inputs())}")
    graph = symbol.graph
    known = {node.name for node in graph.variables}
    for key, value in kwargs.items():
        if not isinstance(value, Symbol):
            message = f"{key} must be replaced by a Symbol, but got {type(value).__name__}"
            raise ComposeError(message)
        if key not in known:
            message = f"{symbol!r} has no variable {key!r}"
            raise ComposeError(message, hint=did_you_mean(key, known))
        if len(value.entries) != 1:
            message = f"{key} must be replaced by one output, but got {len(value.entries)}"
            raise ComposeError(message, hint="choose one by index or name")
    changes = {
        Entry(node): kwargs[node.name].entries[0] for node in graph.variables if node.name in kwargs
    }
    if name is None:
        return Symbol(graph.substitute(changes).outputs)
    heads = {entry.node for entry in symbol.entries}

    def named(node: Node, inputs: tuple[Entry, ...]) -> Node:
        new = node.reading(inputs)
        return new.replace(name=name) if node in heads and node.op is not None else new

    return Symbol(graph.substitute(changes, named).outputs)
