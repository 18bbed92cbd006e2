"""`fit`: the loop over batches and epochs. The training itself is the graph that it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from minisym import metric as metrics
from minisym.core.errors import ParamError, did_you_mean
from minisym.core.ndarray import Array, NDArray
from minisym.core.symbol import Symbol
from minisym.init import initialize
from minisym.io import NDArrayIter
from minisym.optimizer import Optimizer, create
from minisym.optimizer.compose import Options, is_fed
from minisym.parallel import data_parallel, is_first
from minisym.runtime.executor import Executor
from minisym.train.checkpoint import Position, restore, save
from minisym.train.recording import Recording, record

Tell = Callable[[int, str], None]


@dataclass(frozen=True)
class EarlyStop:
    """Stop when a metric has not improved for some epochs.

    Parameters
    ----------
    monitor
        The metric's name in the history, such as "val_accuracy".
    patience
        How many epochs without an improvement are borne.
    largest
        Whether large values are good. Without, they are for names with "acc" or "f1" in them.
    """

    monitor: str
    patience: int = 3
    largest: bool | None = None

    def __call__(self, history: Sequence[Mapping[str, float]]) -> bool:
        """Return whether it is time to stop.

        >>> stop = EarlyStop("val_accuracy", patience=2)
        >>> [stop([{"val_accuracy": v} for v in (0.5, 0.75, 0.7, 0.6)[:n]]) for n in range(5)]
        [False, False, False, False, True]
        """
        if not history:
            return False
        if self.monitor not in history[-1]:
            message = f"early stop watches {self.monitor!r}, but there is {', '.join(history[-1])}"
            raise ParamError(message)
        values = [row[self.monitor] for row in history]
        large = self.largest
        if large is None:
            large = any(word in self.monitor for word in ("acc", "f1"))
        best = values.index(max(values) if large else min(values))
        return len(values) - 1 - best >= self.patience


@dataclass
class Trained:
    """What `fit` returns: the network, its arrays, and how it went."""

    net: Symbol
    """The network, with its loss head."""
    step: Symbol
    """The training step: loss, gradients and updates in one graph."""
    executor: Executor
    """The training step, bound."""
    optimizer: Optimizer
    """What the step was made by."""
    data_names: tuple[str, ...]
    """The names of what is fed as data."""
    label_names: tuple[str, ...]
    """The names of what is fed as labels."""
    history: list[dict[str, float]] = field(default_factory=list)
    """For each epoch its metrics: those of `eval_data` under `val_…`."""
    recording: Recording | None = None
    """What `record_steps` asked for."""
    _bound: dict[Any, Executor] = field(default_factory=dict, repr=False)

    @property
    def arg_params(self) -> dict[str, NDArray]:
        """The network's parameters, the very arrays that are trained."""
        fed = {*self.data_names, *self.label_names}
        names = [name for name in self.net.list_arguments() if name not in fed]
        return {name: self.executor.arg_dict[name] for name in names}

    @property
    def aux_params(self) -> dict[str, NDArray]:
        """The network's auxiliary states."""
        return {name: self.executor.aux_dict[name] for name in self.net.list_auxiliary_states()}

    def _evaluator(self, shapes: Mapping[str, tuple[int, ...]]) -> Executor:
        """Return the network itself bound over the same parameters, for data of these shapes."""
        key = tuple(shapes.items())
        found = self._bound.get(key)
        if found is None:
            names = self.net.list_arguments()
            inferred = self.net.infer_shape(**{n: s for n, s in shapes.items() if n in names})[0]
            arrays: dict[str, Array] = {**self.arg_params}
            for name, shape in zip(names, inferred, strict=True):
                if name not in arrays:
                    arrays[name] = np.zeros(shape, self.executor.arg_dict[name].dtype)
            found = self._bound[key] = self.net.bind(args=arrays, aux_states=self.aux_params)
        return found

    def predict(self, data: Any, batch_size: int = 256) -> list[Array]:
        """Return the network's outputs for all rows of an array, a list or a dict of arrays.

        >>> import numpy as np, minisym as ms
        >>> net = ms.sym.FullyConnected(ms.sym.Variable("data"), num_hidden=1, name="fc")
        >>> loss = ms.sym.LinearRegressionOutput(net, name="loss")
        >>> x = np.linspace(-1, 1, 8, dtype="f4").reshape(8, 1)
        >>> batches = NDArrayIter(x, 3 * x[:, 0], batch_size=4, label_name="loss_label")
        >>> rate = {"learning_rate": 0.5}
        >>> fitted = fit(loss, batches, optimizer_params=rate, num_epoch=60, eval_metric="mse",
        ...              progress=False)
        >>> fitted.predict(np.array([[2.0]], "f4"))[0].round(2)
        array([[6.]], dtype=float32)
        """
        if isinstance(data, Mapping) and set(data) != {*self.data_names}:
            message = f"predict: the data are {', '.join(self.data_names)}, but got {[*data]}"
            raise ParamError(message)
        rows = NDArrayIter(data, batch_size=1, data_name=self.data_names[0])
        size = min(batch_size, rows.num_data)
        batches = NDArrayIter(rows.data, batch_size=size)
        executor = self._evaluator({d.name: d.shape for d in batches.provide_data})
        parts: list[list[Array]] = []
        for batch in batches:
            arrays: dict[str, Any] = batches.feed(batch)
            outputs = executor.forward(**arrays)
            parts.append([np.array(o[: len(o) - batch.pad]) for o in outputs])
        return [np.concatenate(column) for column in zip(*parts, strict=True)]

    def score(self, eval_data: NDArrayIter, eval_metric: Any = "acc") -> list[tuple[str, float]]:
        """Return metrics over an iterator's arrays, in their order."""
        metric = metrics.create(eval_metric)
        metric.reset()
        batches = eval_data.ordered()
        described = (*batches.provide_data, *batches.provide_label)
        executor = self._evaluator({d.name: d.shape for d in described})
        for batch in batches:
            arrays: dict[str, Any] = batches.feed(batch)
            outputs = executor.forward(**arrays)
            keep = batches.batch_size - batch.pad
            labels = [label[:keep] for label in batch.label]
            metric.update(labels, [np.asarray(o)[:keep] for o in outputs[: len(labels) or None]])
        return metric.get_name_value()


def fit(
    net: Symbol,
    train_data: NDArrayIter,
    *,
    num_epoch: int,
    eval_data: NDArrayIter | None = None,
    eval_metric: Any = "acc",
    optimizer: str | Optimizer = "sgd",
    optimizer_params: Mapping[str, Any] | None = None,
    initializer: Any = None,
    arg_params: Mapping[str, Any] | None = None,
    aux_params: Mapping[str, Any] | None = None,
    minimize: Mapping[str, Any] | None = None,
    type_dict: Mapping[str, Any] | None = None,
    fixed: Sequence[str] = (),
    checkpoint: str | PathLike[str] | None = None,
    checkpoint_every: int = 0,
    resume: bool = True,
    early_stop: EarlyStop | None = None,
    epoch_end: Callable[[Trained], object] | None = None,
    progress: bool = True,
    comm: Any = None,
    exchange: str | None = None,
    record_steps: int = 0,
) -> Trained:
    """Train a network on batches.

    Parameters
    ----------
    net
        The network with its loss head. Its arguments that the iterators do not name are parameters.
    train_data, eval_data
        What to train on, and what to measure on behind each epoch.
    num_epoch
        How often to go through the data.
    eval_metric
        What to measure, see `ms.metric.create`: outputs against labels, in order.
    optimizer, optimizer_params
        An optimizer, or its name and parameters; then `rescale_grad` is 1 / rows of an update.
    initializer, arg_params, aux_params
        How arrays begin, see `ms.init.initialize`.
    minimize
        Further arguments of `Optimizer.minimize`: accumulate, clip_global_norm, loss_scale.
    type_dict
        Element types by argument name; float32 where nothing else follows.
    fixed
        Parameters that stay as they are.
    checkpoint
        The file to keep the state of the training in, behind each epoch and every
        `checkpoint_every` batches. If it is there, training goes on from it (unless `resume` is
        False), and ends with the bits that it would have ended with without the break.
    early_stop
        When to end before `num_epoch`.
    epoch_end
        A function that is called with the `Trained` behind each epoch.
    progress
        Whether to show a bar, if the package rich is installed.
    comm, exchange
        Where several processes train together, `ms.parallel.world()`, and what they exchange: see
        `ms.parallel.data_parallel`. Each has batches of its own, such as
        `ms.parallel.shard(batches, comm)`, and all call `fit` alike. Metrics are means over all;
        the first process shows the bar and writes checkpoints, from which another number of
        processes may go on (behind an epoch: the place within one counts batches).
    record_steps
        How many steps `ms.record` keeps, with the metric beside them: `recording` of the result.

    Examples
    --------
    >>> import numpy as np
    >>> import minisym as ms
    >>> x = np.linspace(-1, 1, 64, dtype="f4").reshape(32, 2)
    >>> batches = ms.io.NDArrayIter(x, x[:, 0] > 0, batch_size=8, shuffle=True, seed=0)
    >>> net = ms.sym.FullyConnected(ms.sym.Variable("data"), num_hidden=2, name="fc")
    >>> net = ms.sym.SoftmaxOutput(net, name="softmax")
    >>> rate = {"learning_rate": 1.0}
    >>> fitted = ms.train.fit(net, batches, num_epoch=30, optimizer_params=rate, progress=False)
    >>> fitted.score(batches)
    [('accuracy', 1.0)]
    >>> sorted(fitted.arg_params)
    ['fc_bias', 'fc_weight']
    """
    _check(
        net, train_data, eval_data, fixed, early_stop, None if comm is None else arg_params or {}
    )
    _check_count("num_epoch", num_epoch)
    _check_count("checkpoint_every", checkpoint_every)
    options = {"type_dict": type_dict, **(minimize or {})}
    params = dict(optimizer_params or {})
    if not isinstance(optimizer, Optimizer):
        Options(accumulate=options.get("accumulate", 1))
        rows = train_data.batch_size * options.get("accumulate", 1)
        params = {"rescale_grad": 1 / rows, **params}
    optimizer = create(optimizer, **params)
    trained, shapes = _bound(
        net, train_data, optimizer, options, fixed, comm=comm, exchange=exchange
    )
    executor, metric = trained.executor, metrics.create(eval_metric)
    position = Position(seed=train_data.seed)
    path = None if checkpoint is None else Path(checkpoint)
    if path is not None and resume and path.exists():
        position = restore(path, executor, optimizer)
        train_data.seed = position.seed
    else:
        initialize(executor, initializer, arg_params, aux_params, data=shapes)
    trained.history = position.history

    def keep() -> None:
        if path is not None:
            position.metric = metric.state()
            save(path, executor, optimizer, position, fed=shapes)

    stop = early_stop or (lambda _history: False)
    with (
        _progress(num_epoch * train_data.num_batches, progress and is_first(comm)) as tell,
        _recorded(trained, record_steps) as note,
    ):
        while position.epoch < num_epoch and not stop(position.history):
            train_data.seek(position.epoch, position.batch)
            metric.reset()
            metric.restore(position.metric)
            for batch in train_data:
                outputs = optimizer.step(executor, **_fed(train_data.feed(batch), shapes))
                metric.update(batch.label, outputs[: len(batch.label) or len(net)])
                position.batch += 1
                done = position.epoch * train_data.num_batches + position.batch
                tell(done, _told(position, measured := metric.get_name_value()))
                note(**dict(measured))
                if checkpoint_every and position.batch % checkpoint_every == 0:
                    keep()
            row = dict(metric.get_name_value())
            if eval_data is not None:
                found = trained.score(eval_data, eval_metric)
                row |= {f"val_{name}": value for name, value in found}
            position.history.append(_mean_of_all(row, executor))
            tell((position.epoch + 1) * train_data.num_batches, _told(position, row.items()))
            position.epoch, position.batch = position.epoch + 1, 0
            metric.reset()
            keep()
            if epoch_end is not None:
                epoch_end(trained)
    return trained


def _check(
    net: Any,
    train_data: Any,
    eval_data: Any,
    fixed: Sequence[str],
    early_stop: Any,
    given: Mapping[str, Any] | None,
) -> None:
    """Refuse what cannot be trained or fed, before anything is composed.

    `given` are values that are the same in all processes, or None where there is one process.
    """
    if not isinstance(net, Symbol):
        message = f"fit: net must be a Symbol, but got {type(net).__name__}"
        raise ParamError(message)
    for name, data in (("train_data", train_data), ("eval_data", eval_data)):
        if not isinstance(data, NDArrayIter) and (name == "train_data" or data is not None):
            message = f"fit: {name} must be an NDArrayIter, but got {type(data).__name__}"
            raise ParamError(message, hint="ms.io.NDArrayIter(images, labels, batch_size=50)")
    if early_stop is not None and not callable(early_stop):
        message = f"fit: early_stop must be an EarlyStop, but got {early_stop!r}"
        raise ParamError(message, hint=f"ms.train.EarlyStop({early_stop!r})")
    known = net.list_arguments()
    for name in fixed:
        if name not in known:
            message = f"fit: there is no parameter {name!r} to be fixed"
            raise ParamError(message, hint=did_you_mean(name, known))
        if given is not None and name not in given:
            message = f"fit: {name!r} is fixed, and nothing says what it is in all processes"
            raise ParamError(message, hint=f"arg_params={{{name!r}: …}}")
    fed = [d.name for d in (*train_data.provide_data, *train_data.provide_label)]
    unfed = [n for n in known if is_fed(n) and n not in fed and n not in fixed]
    if unfed:
        message = f"fit: nothing is fed to {unfed[0]!r}; the data are named {', '.join(fed)}"
        hint = f"NDArrayIter(…, {'label' if 'label' in unfed[0] else 'data'}_name={unfed[0]!r})"
        raise ParamError(message, hint=hint)


def _check_count(name: str, value: Any) -> None:
    if not isinstance(value, int | np.integer) or value < 0:
        message = f"fit: {name} must be an integer of at least 0, but got {value!r}"
        raise ParamError(message)


def _bound(
    net: Symbol,
    train_data: NDArrayIter,
    optimizer: Optimizer,
    options: Mapping[str, Any],
    fixed: Sequence[str],
    *,
    comm: Any,
    exchange: str | None,
) -> tuple[Trained, dict[str, tuple[int, ...]]]:
    """Compose and bind the training step; return the shapes of what it is fed with, too."""
    data, labels = train_data.provide_data, train_data.provide_label
    fed = {d.name: d.shape for d in (*data, *labels)}
    wrt = [name for name in net.list_arguments() if name not in fed and name not in fixed]
    step = optimizer.minimize(net, wrt, **options)
    if comm is not None or exchange is not None:
        step = data_parallel(step, exchange)
    known = step.list_arguments()
    shapes: dict[str, Any] = {name: shape for name, shape in fed.items() if name in known}
    executor = step.simple_bind(type_dict=options["type_dict"], comm=comm, **shapes)
    names = tuple(d.name for d in data), tuple(d.name for d in labels)
    return Trained(net, step, executor, optimizer, *names), shapes


def _mean_of_all(row: dict[str, float], executor: Executor) -> dict[str, float]:
    """Return the means of metrics over all processes, so that all decide alike when to stop."""
    if executor.peers is None:
        return row
    means = np.empty(len(row))
    executor.peers.mean([np.array([*row.values()], np.float64)], [means])
    return dict(zip(row, means.tolist(), strict=True))


def _fed(arrays: Mapping[str, Array], known: Mapping[str, Any]) -> dict[str, Array]:
    """Return the arrays that the network has a name for: a metric's labels need not enter it."""
    return {name: array for name, array in arrays.items() if name in known}


def _told(position: Position, values: Any) -> str:
    return f"epoch {position.epoch}  " + "  ".join(f"{name} {value:.4f}" for name, value in values)


def _progress(total: int, shown: bool) -> AbstractContextManager[Tell]:
    """Return a function that is told about each batch."""
    if not shown:
        return nullcontext(lambda done, text: None)
    try:
        import rich.progress  # noqa: F401  optional
    except ImportError:
        return nullcontext(lambda done, text: None)
    return _bar(total)


@contextmanager
def _recorded(trained: Trained, steps: int) -> Iterator[Callable[..., None]]:
    """Record the training, if steps are to be kept; yield what notes the metric of each."""
    if not steps:
        yield lambda **_metric: None
        return
    with record(trained.executor, steps) as trained.recording:
        yield trained.recording.note


@contextmanager
def _bar(total: int) -> Iterator[Tell]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=total)

        def tell(done: int, text: str) -> None:
            bar.update(task, description=text, completed=done)

        yield tell
