"""MXNet's module of helpers for tests and examples: what `ms.testing` has, under MXNet's names.

Nothing is downloaded. What would be, such as MNIST, is read from files that are there already, and
the error says where they go.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from minisym.core.context import Context, current_context
from minisym.core.errors import FormatError, ParamError
from minisym.core.ndarray import Array, NDArray
from minisym.core.symbol import Symbol
from minisym.io import DataIter, MNISTIter
from minisym.io.files import read_idx
from minisym.testing import (
    check_numeric_gradient,
    check_symbolic_backward,
    check_symbolic_forward,
)

# ------------------------------------------------------------------------------------- devices


def default_context() -> Context:
    """Return the current context."""
    return current_context()


def set_default_context(ctx: Context) -> None:
    """Make this the current context, from here on."""
    ctx.__enter__()


def list_gpus() -> range:
    """Return the numbers of the GPUs: there are none.

    >>> list(list_gpus())
    []
    """
    return range(0)


def default_dtype() -> type[np.float32]:
    """Return float32."""
    return np.float32


# ----------------------------------------------------------------------------------- comparing


def same(a: Any, b: Any) -> bool:
    """Return whether two arrays are equal."""
    return np.array_equal(np.asarray(a), np.asarray(b))


def almost_equal(
    a: Any, b: Any, rtol: float | None = None, atol: float | None = None, equal_nan: bool = False
) -> bool:
    """Return whether two arrays are nearly equal.

    >>> almost_equal(np.ones(2), np.ones(2) + 1e-7), almost_equal(np.ones(2), np.zeros(2))
    (True, False)
    """
    tolerance = _tolerance(a, b, rtol, atol)
    return np.allclose(np.asarray(a), np.asarray(b), **tolerance, equal_nan=equal_nan)


def assert_almost_equal(
    a: Any,
    b: Any,
    rtol: float | None = None,
    atol: float | None = None,
    names: tuple[str, str] = ("a", "b"),
    equal_nan: bool = False,
) -> None:
    """Raise AssertionError if two arrays differ by more than a tolerance that fits their types."""
    np.testing.assert_allclose(
        np.asarray(a),
        np.asarray(b),
        **_tolerance(a, b, rtol, atol),
        equal_nan=equal_nan,
        err_msg=f"{names[0]} and {names[1]} differ",
    )


def _tolerance(a: Any, b: Any, rtol: float | None, atol: float | None) -> Any:
    """Return MXNet's tolerances of the less exact of two types."""
    kinds = [np.asarray(x).dtype for x in (a, b)]
    least = min(
        (kind for kind in kinds if kind.kind == "f"), key=lambda k: k.itemsize, default=None
    )
    size = 0 if least is None else least.itemsize
    relative = {2: 1e-2, 4: 1e-4, 8: 1e-5}.get(size, 0.0)
    absolute = {2: 1e-1, 4: 1e-3, 8: 1e-20}.get(size, 0.0)
    return {
        "rtol": relative if rtol is None else rtol,
        "atol": absolute if atol is None else atol,
    }


def assert_exception(
    f: Callable[..., object], exception_type: type[BaseException], *args: Any, **kwargs: Any
) -> None:
    """Raise AssertionError unless a call raises this exception.

    >>> assert_exception(int, ValueError, "one")
    """
    try:
        f(*args, **kwargs)
    except exception_type:
        return
    raise AssertionError(f"{exception_type.__name__} was not raised")


def assert_allclose(
    a: Any, b: Any, rtol: float = 1e-7, atol: float = 0.0, equal_nan: bool = True
) -> None:
    """Raise AssertionError if two arrays differ by more than this."""
    assert_almost_equal(a, b, rtol, atol, equal_nan=equal_nan)


def assert_almost_equal_ignore_nan(
    a: Any,
    b: Any,
    rtol: float | None = None,
    atol: float | None = None,
    names: tuple[str, str] = ("a", "b"),
) -> None:
    """Raise AssertionError if two arrays differ where neither is NaN."""
    both = np.array(a), np.array(b)
    hidden = np.isnan(both[0]) | np.isnan(both[1])
    for array in both:
        array[hidden] = 0
    assert_almost_equal(*both, rtol, atol, names)


def same_array(array1: Any, array2: Any) -> bool:
    """Return whether two arrays are one memory.

    >>> x = np.ones(3)
    >>> same_array(x, x[:]), same_array(x, x.copy())
    (True, False)
    """
    return np.shares_memory(array1, array2) and np.shape(array1) == np.shape(array2)


# ------------------------------------------------------------------------------- random arrays


def rand_shape_nd(num_dim: int, dim: int = 10, allow_zero_size: bool = False) -> tuple[int, ...]:
    """Return a random shape, of dimensions up to `dim`."""
    sizes = np.random.randint(0 if allow_zero_size else 1, dim + 1, size=num_dim)  # noqa: NPY002
    return tuple(sizes.tolist())


def rand_shape_2d(dim0: int = 10, dim1: int = 10, allow_zero_size: bool = False) -> tuple[int, ...]:
    """Return a random shape of two dimensions."""
    return tuple(rand_shape_nd(1, dim, allow_zero_size)[0] for dim in (dim0, dim1))


def rand_shape_3d(
    dim0: int = 10, dim1: int = 10, dim2: int = 10, allow_zero_size: bool = False
) -> tuple[int, ...]:
    """Return a random shape of three dimensions."""
    return tuple(rand_shape_nd(1, dim, allow_zero_size)[0] for dim in (dim0, dim1, dim2))


def random_arrays(*shapes: tuple[int, ...]) -> Any:
    """Return arrays of normal random numbers, or one."""
    arrays = [np.asarray(np.random.randn(*shape), np.float32) for shape in shapes]  # noqa: NPY002
    return arrays if len(arrays) > 1 else arrays[0]


def random_uniform_arrays(*shapes: tuple[int, ...], low: float = 0.0, high: float = 1.0) -> Any:
    """Return arrays of uniform random numbers."""
    return [np.random.uniform(low, high, shape).astype(np.float32) for shape in shapes]  # noqa: NPY002


def random_sample(population: Sequence[Any], k: int) -> list[Any]:
    """Return elements at random, in the order in which they stand."""
    return [population[i] for i in sorted(random.sample(range(len(population)), k))]


def rand_ndarray(
    shape: tuple[int, ...], stype: str = "default", dtype: Any = None, **_: object
) -> NDArray:
    """Return an NDArray of normal random numbers.

    Raises
    ------
    ParamError
        Its storage type would be another than default: arrays are dense.
    """
    if stype != "default":
        raise ParamError(f"rand_ndarray: arrays are dense, there is no {stype}")
    return NDArray.of(np.asarray(random_arrays(shape), dtype))


# --------------------------------------------------------------------------------- whole symbols


def simple_forward(sym: Symbol, ctx: Any = None, is_train: bool = False, **inputs: Any) -> Any:
    """Bind arrays, run once, and return the outputs as NumPy arrays; one output comes alone.

    >>> from minisym import sym
    >>> simple_forward(sym.Variable("x") * 2, x=np.ones(2))
    array([2., 2.], dtype=float32)
    """
    del ctx
    arrays = {name: np.asarray(array, np.float32) for name, array in inputs.items()}
    outputs = sym.bind(args=arrays, grad_req="null").forward(is_train=is_train)
    found = [output.asnumpy() for output in outputs]
    return found[0] if len(found) == 1 else found


def check_speed(
    sym: Symbol,
    location: Mapping[str, Any] | None = None,
    ctx: Any = None,
    N: int = 20,
    grad_req: Any = None,
    typ: str = "whole",
    **kwargs: Any,
) -> float:
    """Return the seconds that a run takes: forward and backward, or forward alone.

    Parameters
    ----------
    sym
        What to run.
    location
        The arguments; without, random numbers of the shapes in `kwargs`.
    ctx
        Accepted for old scripts.
    N
        How many runs to measure.
    grad_req
        As of `bind`.
    typ
        "whole" or "forward".
    **kwargs
        Shapes by argument name.
    """
    del ctx
    if typ not in ("whole", "forward"):
        raise ParamError(f"check_speed: typ must be 'whole' or 'forward', but got {typ!r}")
    shapes: dict[str, Any] = kwargs
    if location is not None:
        shapes = {name: np.shape(array) for name, array in location.items()}
    executor = sym.simple_bind(grad_req=grad_req or "write", **shapes)
    for name, bound in executor.arg_dict.items():
        bound[...] = random_arrays(bound.shape) if location is None else location[name]

    def run() -> None:
        executor.forward(is_train=typ == "whole")
        if typ == "whole":
            executor.backward([np.array(output) for output in executor.outputs])

    run()
    began = time.perf_counter()
    for _ in range(N):
        run()
    return (time.perf_counter() - began) / N


def check_consistency(
    sym: Symbol | Sequence[Symbol],
    ctx_list: Sequence[Mapping[str, Any]],
    scale: float = 1.0,
    grad_req: Any = "write",
    arg_params: Mapping[str, Any] | None = None,
    aux_params: Mapping[str, Any] | None = None,
    rtol: float | None = None,
    atol: float | None = None,
) -> dict[str, Array]:
    """Compare a symbol's outputs and gradients in several types, or those of several symbols.

    Parameters
    ----------
    sym
        The symbol, or one for each entry of `ctx_list`.
    ctx_list
        For each run the arguments of `simple_bind`: shapes, `ctx`, `type_dict`.
    scale
        Standard deviation of the random arguments.
    grad_req
        As of `bind`.
    arg_params, aux_params
        Arrays to take instead.
    rtol, atol
        The tolerance; without, that of the less exact type.

    Returns
    -------
    dict of array
        Outputs and gradients of the most exact run.

    Raises
    ------
    AssertionError
        Two runs differ.
    """
    symbols = [sym] * len(ctx_list) if isinstance(sym, Symbol) else list(sym)
    executors = [
        one.simple_bind(grad_req=grad_req, **dict(how))
        for one, how in zip(symbols, ctx_list, strict=True)
    ]
    values: dict[str, Any] = {}
    for name, bound in executors[0].arg_dict.items():
        values[name] = scale * np.random.normal(size=bound.shape)  # noqa: NPY002
    values |= arg_params or {}
    states = {name: np.zeros(a.shape) for name, a in executors[0].aux_dict.items()}
    states |= aux_params or {}
    heads: list[Array] | None = None
    results = []
    for executor in executors:
        executor.copy_params_from(values, states)
        outputs = [output.asnumpy() for output in executor.forward(is_train=True)]
        heads = heads or outputs
        found = dict(zip(executor.symbol.list_outputs(), outputs, strict=True))
        if grad_req != "null":
            pairs = zip(heads, outputs, strict=True)
            executor.backward([head.astype(output.dtype) for head, output in pairs])
            gradients = {n: g for n, g in executor.grad_dict.items() if g is not None}
            found |= {name: gradient.asnumpy() for name, gradient in gradients.items()}
        results.append(found)
    exact = max(results, key=lambda found: next(iter(found.values())).dtype.itemsize)
    for i, found in enumerate(results):
        for name, array in found.items():
            assert_almost_equal(array, exact[name], rtol, atol, (f"{name} of run {i}", "the best"))
    return exact


# -------------------------------------------------------------------------------------- data


class DummyIter(DataIter):
    """Hand out the first batch of another iterator for ever, to measure what the rest takes."""

    def __init__(self, real_iter: Any) -> None:
        super().__init__(real_iter.batch_size)
        self.real_iter = real_iter
        self.provide_data, self.provide_label = real_iter.provide_data, real_iter.provide_label
        self.the_batch = next(real_iter)

    def next(self) -> Any:
        """Return that batch."""
        return self.the_batch


def download(
    url: str,
    fname: str | None = None,
    dirname: str | None = None,
    overwrite: bool = False,
    retries: int = 5,
) -> str:
    """Return the path of a file that is there already: nothing is downloaded.

    Raises
    ------
    FormatError
        It is not there; the error says where it goes.
    """
    del overwrite, retries
    path = Path(dirname or ".", fname or url.rsplit("/", 1)[-1])
    if not path.exists():
        _absent(url, path)
    return str(path)


def _absent(what: str, path: Path) -> NoReturn:
    raise FormatError(
        f"{what} is not there, and minisym downloads nothing",
        hint=f"put it at {path.resolve()}",
    )


_MNIST = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def get_mnist_ubyte() -> None:
    """Check that MNIST's four files are in the folder `data`, with or without `.gz`.

    Raises
    ------
    FormatError
        One is not there; the error says where it goes.
    """
    for name in _MNIST:
        _mnist_file(name)


def _mnist_file(name: str) -> Path:
    for folder in ("data", "."):
        for ending in ("", ".gz"):
            path = Path(folder, name + ending)
            if path.exists():
                return path
    return _absent(name, Path("data", name))


def get_mnist() -> dict[str, Array]:
    """Return MNIST as arrays: images of (n, 1, 28, 28) in [0, 1], labels of (n,).

    The files are those of `get_mnist_ubyte`.
    """
    images, labels, test_images, test_labels = (read_idx(_mnist_file(n)) for n in _MNIST)
    return {
        "train_data": images[:, None].astype(np.float32) / 255,
        "train_label": labels.astype(np.int8),
        "test_data": test_images[:, None].astype(np.float32) / 255,
        "test_label": test_labels.astype(np.int8),
    }


def get_mnist_iterator(
    batch_size: int, input_shape: Sequence[int], num_parts: int = 1, part_index: int = 0
) -> tuple[MNISTIter, MNISTIter]:
    """Return iterators over MNIST's two parts; images are flat unless the shape has three axes."""
    get_mnist_ubyte()
    made = [
        MNISTIter(
            image=_mnist_file(images),
            label=_mnist_file(labels),
            batch_size=batch_size,
            shuffle=shuffle,
            flat=len(input_shape) != 3,
            num_parts=num_parts,
            part_index=part_index,
        )
        for images, labels, shuffle in ((*_MNIST[:2], True), (*_MNIST[2:], False))
    ]
    return made[0], made[1]


def get_zip_data(data_dir: str, url: str, data_origin_name: str) -> None:
    """Check that what an archive holds is there: nothing is downloaded."""
    del data_origin_name
    if not Path(data_dir).is_dir() or not any(Path(data_dir).iterdir()):
        _absent(url, Path(data_dir))


def get_bz2_data(data_dir: str, data_name: str, url: str, data_origin_name: str) -> None:
    """Check that a file is there, unpacked: nothing is downloaded."""
    del data_origin_name
    if not Path(data_dir, data_name).exists():
        _absent(url, Path(data_dir, data_name))


def get_cifar10() -> NoReturn:
    """Say where CIFAR-10's files go: nothing is downloaded."""
    _absent("CIFAR-10 as train.rec and test.rec", Path("data", "cifar"))


__all__ = [
    "DummyIter",
    "almost_equal",
    "assert_allclose",
    "assert_almost_equal",
    "assert_almost_equal_ignore_nan",
    "assert_exception",
    "check_consistency",
    "check_numeric_gradient",
    "check_speed",
    "check_symbolic_backward",
    "check_symbolic_forward",
    "default_context",
    "default_dtype",
    "download",
    "get_bz2_data",
    "get_cifar10",
    "get_mnist",
    "get_mnist_iterator",
    "get_mnist_ubyte",
    "get_zip_data",
    "list_gpus",
    "rand_ndarray",
    "rand_shape_2d",
    "rand_shape_3d",
    "rand_shape_nd",
    "random_arrays",
    "random_sample",
    "random_uniform_arrays",
    "same",
    "same_array",
    "set_default_context",
    "simple_forward",
]
