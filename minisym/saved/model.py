"""Model: a symbol and its parameters, as they were saved, ready to predict.

>>> import numpy as np
>>> import minisym as ms
>>> net = ms.sym.FullyConnected(ms.sym.Variable("data"), num_hidden=2, name="fc")
>>> net = ms.sym.SoftmaxOutput(net, name="softmax")
>>> model = Model(net, {"fc_weight": np.eye(2, dtype="f4"), "fc_bias": np.zeros(2, "f4")})
>>> model(np.array([[0.0, 0.0]]))
array([[0.5, 0.5]], dtype=float32)
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, get_args

import numpy as np

from minisym.core.errors import ArrayTypeError, GraphError, ParamError, count, did_you_mean, listed
from minisym.core.ndarray import Array, NDArray
from minisym.core.symbol import Symbol
from minisym.passes import surgery
from minisym.passes.labels import without_labels
from minisym.saved.batches import predicted
from minisym.saved.check import Check, check
from minisym.saved.half import half_types
from minisym.saved.parts import Parts
from minisym.saved.run import Runner
from minisym.saved.save import save_model
from minisym.saved.through_onnx import OnnxRunner

Engine = Literal["numpy", "onnxruntime"]
"""What runs a model."""
_NONE: Final[Mapping[str, Any]] = MappingProxyType({})


class Model:
    """A symbol with its parameters: check it, call it, cut it.

    `load_model` makes one of files. A model is never changed: what changes it returns another one,
    which shares the arrays.

    Parameters
    ----------
    symbol
        The network.
    arg_params, aux_params
        The arrays of its arguments and auxiliary states, by name. They are not copied.
    source
        Where they come from, in words.
    engine
        What runs it: "numpy", which is minisym itself, or "onnxruntime", which gets the model as
        ONNX. The first batch of each shape is then run by both, and they have to agree. It needs
        `pip install 'minisym[onnx]'`.

    Attributes
    ----------
    symbol : Symbol
        The network, as it was saved.
    source : str
        Where they come from.
    engine : str
        What runs it.
    """

    def __init__(
        self,
        symbol: Symbol,
        arg_params: Mapping[str, Any] = _NONE,
        aux_params: Mapping[str, Any] = _NONE,
        *,
        source: str = "",
        engine: Engine = "numpy",
    ) -> None:
        if not isinstance(symbol, Symbol):
            message = f"Model: symbol must be a Symbol, but got {type(symbol).__name__}"
            raise ArrayTypeError(message, hint="load_model makes a Model of files")
        for name, array in {**arg_params, **aux_params}.items():
            if not isinstance(array, np.ndarray):
                message = f"Model: {name} must be a NumPy array, but got {type(array).__name__}"
                raise ArrayTypeError(message)
        if engine not in get_args(Engine):
            engines = " or ".join(get_args(Engine))
            raise ParamError(f"Model: engine is {engines}, but got {engine!r:.60}")
        self.symbol, self.source, self.engine = symbol, source, engine
        self._given = dict(arg_params), dict(aux_params)

    @cached_property
    def _arrays(self) -> tuple[Mapping[str, NDArray], Mapping[str, NDArray]]:
        """The arrays of arguments and states; a file without prefixes does not tell them apart."""
        arguments, states = self._given
        moved = set(self.symbol.list_auxiliary_states()) & arguments.keys() - states.keys()
        ours = {n: NDArray.of(a) for n, a in arguments.items() if n not in moved}
        theirs = {n: NDArray.of(a) for n, a in states.items()}
        theirs |= {n: NDArray.of(arguments[n]) for n in sorted(moved)}
        return MappingProxyType(ours), MappingProxyType(theirs)

    @property
    def arg_params(self) -> Mapping[str, NDArray]:
        """The arrays of the arguments by name."""
        return self._arrays[0]

    @property
    def aux_params(self) -> Mapping[str, NDArray]:
        """The arrays of the auxiliary states by name."""
        return self._arrays[1]

    # ------------------------------------------------------------------------------ what it is

    @property
    def params(self) -> dict[str, Array]:
        """All arrays by name, as plain NumPy arrays."""
        both = {**self.arg_params, **self.aux_params}
        return {name: array.view(np.ndarray) for name, array in both.items()}

    @property
    def inputs(self) -> list[str]:
        """The names of what a prediction needs beside the parameters."""
        return [node.name for node in self.parts.inputs]

    @property
    def labels(self) -> list[str]:
        """The names of what only training needs."""
        return list(self.parts.labels)

    @property
    def outputs(self) -> list[str]:
        """The names of the outputs."""
        return self.symbol.list_outputs()

    @property
    def prediction(self) -> Symbol:
        """The network as it predicts: what only labels need is gone."""
        return Symbol(self.parts.graph.outputs)

    @cached_property
    def parts(self) -> Parts:
        """Who is who in the network as it predicts."""
        graph = without_labels(self.symbol.graph)
        return Parts.of(graph, self.symbol.graph, {*self.arg_params, *self.aux_params})

    @cached_property
    def _runner(self) -> Runner:
        if self.engine == "onnxruntime":
            return OnnxRunner(self.parts, self.params)
        return Runner(self.parts, self.params)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle as what it is made of; what was prepared for runs stays here."""
        return _made, (self.symbol, *self._given, self.source, self.engine)

    def __repr__(self) -> str:
        """Name it in one line."""
        number = sum(array.size for array in self.params.values())
        inputs = listed(self.inputs) or "nothing"
        of = f" of {self.source}" if self.source else ""
        return (
            f"<Model{of}: {inputs} -> {listed(self.outputs)}, {number:,} "
            f"numbers in {count(len(self.params), 'array')}>"
        )

    def check(self, **shapes: Any) -> Check:
        """Report all that is missing, unused, wrong or unknown, and what goes in and out.

        Parameters
        ----------
        **shapes
            Shapes of inputs by name: then the report says all other shapes, too.

        Returns
        -------
        Check
            Printed, it is the report; its attributes are the parts, `as_dict()` is for JSON, and in
            a notebook it is a table. `ok` says whether the model can predict.

        Examples
        --------
        >>> import numpy as np
        >>> from minisym import sym
        >>> net = sym.FullyConnected(sym.Variable("data"), num_hidden=2, no_bias=True, name="fc")
        >>> model = Model(sym.softmax(net, name="classes"), {"fc_weight": np.eye(2, dtype="f4")})
        >>> print(model.check(data=(4, 2)))
        2 ops, 4 numbers (16 B)
        <BLANKLINE>
        inputs
          data  4×2 float32
        <BLANKLINE>
        outputs
          classes_output  4×2 float32
        <BLANKLINE>
        It can predict.
        """
        return check(self.parts, self.params, self.source, shapes)

    # --------------------------------------------------------------------------------- running

    def __call__(self, *data: Any, **inputs: Any) -> Any:
        """Predict: return the output, or a list of them.

        Labels are not needed. A batch may have any size, and images, too, where the network allows
        it: what was prepared for some shapes is kept for the next call.

        Parameters
        ----------
        *data
            The inputs in the order of `model.inputs`, or one dict of them.
        **inputs
            Inputs by name. A parameter may be given, too, in place of that of the model.

        Returns
        -------
        numpy.ndarray or list of numpy.ndarray
            New arrays.

        Raises
        ------
        BindError
            An input or a parameter is missing, or there is none of this name; or an op is unknown.
        ShapeError
            A shape does not fit.
        """
        outputs = self._runner.run(self._runner.named(data, inputs))
        return outputs[0] if len(outputs) == 1 else outputs

    def predict(
        self, batches: Any, batch_size: int | None = None, *, progress: bool = False
    ) -> Any:
        """Predict batch by batch; return the outputs of all, joined along their first axis.

        Parameters
        ----------
        batches
            An array or a dict of arrays with many rows, which are cut into batches; or anything
            that yields batches: arrays, tuples or dicts of them, or what an iterator of `ms.io`
            hands out, whose padding is left out.
        batch_size
            How many rows run at once at most: 32 for arrays unless given.
        progress
            Whether to show how far it is: by rich, if that is installed, otherwise as plain lines
            on the standard error stream.

        Returns
        -------
        numpy.ndarray or list of numpy.ndarray
            As of a call.

        Examples
        --------
        >>> import numpy as np
        >>> from minisym import sym
        >>> net = sym.FullyConnected(sym.Variable("data"), num_hidden=2, no_bias=True, name="fc")
        >>> model = Model(sym.softmax(net, name="classes"), {"fc_weight": np.eye(2, dtype="f4")})
        >>> model.predict(np.ones((5, 2), "f4"), batch_size=2).shape
        (5, 2)
        """
        outputs = predicted(self._runner, batches, batch_size, progress=progress)
        return outputs[0] if len(outputs) == 1 else outputs

    # ------------------------------------------------------------------------------ other models

    def cut(
        self, outputs: str | Iterable[str] | None = None, *, inputs: surgery.Cuts = ()
    ) -> Model:
        """Return the part of the model that computes some inner outputs.

        Parameters
        ----------
        outputs
            Names of layers or outputs; the present outputs without it.
        inputs
            Where it begins: names of inner outputs, which become inputs; see `Symbol.subgraph`.

        Raises
        ------
        GraphError
            There is no such part.

        Examples
        --------
        >>> import numpy as np
        >>> from minisym import sym
        >>> net = sym.FullyConnected(sym.Variable("data"), num_hidden=2, no_bias=True, name="fc")
        >>> model = Model(sym.softmax(net, name="classes"), {"fc_weight": np.eye(2, dtype="f4")})
        >>> model.cut("fc_output").outputs, model.cut("fc_output")(np.ones((1, 2)))
        (['fc_output'], array([[1., 1.]], dtype=float32))
        """
        return self._with(surgery.subgraph(self.symbol, inputs, outputs))

    def features(self, layer: str) -> Model:
        """Return the model that ends in a layer: what it predicts is that layer's output.

        >>> import numpy as np
        >>> from minisym import sym
        >>> net = sym.FullyConnected(sym.Variable("data"), num_hidden=2, no_bias=True, name="fc")
        >>> model = Model(sym.softmax(net, name="classes"), {"fc_weight": np.eye(2, dtype="f4")})
        >>> model.features("fc").outputs
        ['fc_output']
        """
        return self.cut(layer)

    def with_head(
        self,
        layer: str,
        make: Callable[[Symbol], Symbol],
        params: Mapping[str, Any] = _NONE,
    ) -> Model:
        """Return the model up to a layer with something else behind it.

        Parameters
        ----------
        layer
            What stays: the name of a layer.
        make
            Gets the layer's output, and returns the new outputs.
        params
            The arrays of the new part. What is missing stays missing, for `check` to say and for a
            training to begin with.

        Examples
        --------
        >>> from minisym import sym
        >>> net = sym.FullyConnected(sym.Variable("data"), num_hidden=2, no_bias=True, name="fc")
        >>> model = Model(net, {"fc_weight": np.eye(2, dtype="f4")})
        >>> model.with_head("fc", lambda x: sym.softmax(x, name="classes"))(np.zeros((1, 2)))
        array([[0.5, 0.5]], dtype=float32)
        """
        made = self._with(surgery.with_head(self.symbol, layer, make))
        arguments = {**made.arg_params, **params}
        return self._like(made.symbol, arguments, made.aux_params)

    def rename(self, names: Mapping[str, str]) -> Model:
        """Return the model with other names: of parameters, inputs and layers.

        `model.rename(model.check().names)` gives the arrays of a file the names that the network
        has for them.

        Raises
        ------
        GraphError
            There is nothing of this name, or two things would have one.

        Examples
        --------
        >>> import numpy as np
        >>> from minisym import sym
        >>> net = sym.FullyConnected(sym.Variable("data"), num_hidden=2, no_bias=True, name="fc")
        >>> model = Model(sym.softmax(net, name="classes"), {"fc_weight": np.eye(2, dtype="f4")})
        >>> sorted(model.rename({"fc": "layer", "fc_weight": "w"}).params)
        ['w']
        """
        nodes = {node.name for node in self.symbol.graph}
        parts = self.arg_params, self.aux_params
        known = {*nodes, *parts[0], *parts[1]}
        for name in names:
            if name not in known:
                message = f"rename: the model has nothing named {name!r}"
                raise GraphError(message, hint=did_you_mean(name, known))
        some = {old: new for old, new in names.items() if old in nodes}
        arrays = [[(names.get(n, n), a) for n, a in part.items()] for part in parts]
        twice = [n for n, times in Counter(n for p in arrays for n, _ in p).items() if times > 1]
        if twice:
            raise GraphError(f"rename: there would be two arrays named {twice[0]!r}")
        symbol = surgery.rename(self.symbol, some)
        return self._like(symbol, *map(dict, arrays))

    def on(self, engine: Engine) -> Model:
        """Return the same model, run by another engine: "numpy" or "onnxruntime"."""
        return Model(self.symbol, *self._given, source=self.source, engine=engine)

    def half(self) -> Model:
        """Return the model in float16: half the memory and half the file.

        Parameters that an op wants in float32 beside float16 data, as those of BatchNorm, stay so;
        whole numbers stay as they are. Inputs are converted as they come, and outputs are float16.

        Raises
        ------
        DtypeError
            The network itself says float32 somewhere: a Cast, or a constant.

        Examples
        --------
        >>> import numpy as np
        >>> from minisym import sym
        >>> net = sym.FullyConnected(sym.Variable("data"), num_hidden=2, no_bias=True, name="fc")
        >>> model = Model(sym.softmax(net, name="classes"), {"fc_weight": np.eye(2, dtype="f4")})
        >>> model.half()(np.ones((1, 2))).dtype
        dtype('float16')
        """
        types = half_types(self.parts, self.params)
        parts = [
            {n: a.astype(types[n]) if n in types else a for n, a in part.items()}
            for part in (self.arg_params, self.aux_params)
        ]
        return self._like(self.symbol, *parts)

    def save(self, path: str | os.PathLike[str], epoch: int = 0) -> list[Path]:
        """Write the model to a file or two; return their names.

        Parameters
        ----------
        path
            A prefix: then MXNet's pair `-symbol.json` and `-0000.params` is written, without the
            second if there are no arrays. Or the name of one file that ends in `.npz` or
            `.safetensors` and holds both: `load_model` reads it. The last needs the package
            safetensors.
        epoch
            The number in the name of the file of parameters.

        Raises
        ------
        ParamError
            The name ends in something else, or a package is missing.
        OSError
            It cannot be written. What was there is as it was.
        """
        return save_model(path, epoch, self.symbol, self.arg_params, self.aux_params)

    def _with(self, symbol: Symbol) -> Model:
        """Return a model of another symbol, with those of the arrays that it has a place for."""
        names = {node.name for node in symbol.graph.variables}
        parts = self.arg_params, self.aux_params
        return self._like(symbol, *({n: a for n, a in p.items() if n in names} for p in parts))

    def _like(self, symbol: Symbol, *params: Mapping[str, Any]) -> Model:
        """Return a model of other things from the same source, that runs in the same way."""
        return Model(symbol, *params, source=self.source, engine=self.engine)


def _made(
    symbol: Symbol,
    arg_params: Mapping[str, Any],
    aux_params: Mapping[str, Any],
    source: str,
    engine: Engine,
) -> Model:
    return Model(symbol, arg_params, aux_params, source=source, engine=engine)
