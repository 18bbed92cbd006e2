"""What can go wrong, and how it is told.

Every error of minisym derives from `MinisymError`, and from the builtin exception that a Python
programmer would expect::

    MinisymError                               (= MXNetError, for ported code)
    |-- ParamError(ValueError)                 a parameter is missing, unknown or malformed
    |   |-- KeywordError(TypeError)            a class takes no keyword of this name
    |   `-- GoneError(DeprecationWarning)      MXNet's API has dropped it
    |-- ComposeError(TypeError)                inputs do not fit an op, or a symbol a call
    |   |-- OutputNameError(ValueError)        no output, or several, have this name
    |   |-- OutputIndexError(IndexError)       there is no output at this position
    |   `-- NotForSymbolError(NotImplementedError)  only an array can do that
    |-- ShapeError(ValueError)                 shapes contradict each other
    |   |-- ShapeTypeError(TypeError)          a shape is no tuple
    |   |-- ScalarError(TypeError)             an array of many elements is no number
    |   `-- AxisError(IndexError)              there is no such axis
    |-- DtypeError(TypeError)                  element types contradict each other
    |-- BindError(ValueError)                  the arrays given do not fit the symbol
    |   |-- ArrayTypeError(TypeError)          something is no array, or of another type
    |   |   `-- IndexTypeError(IndexError)     an array is indexed by what is no place in it
    |   `-- IncompleteError(RuntimeError)      the shapes given do not decide all others
    |-- GradientError(ValueError)              there is no gradient where one was asked for
    |-- ExecutionError(RuntimeError)           a step failed; bound arrays are as they were
    |   `-- NonFiniteError                     nan_guard found the first NaN
    |-- ExportError(ValueError)                ONNX cannot say what a symbol says
    |-- FormatError(ValueError)                a file or text is not what it claims to be
    |   `-- NoFileError(FileNotFoundError)     there is no such file
    |-- DeclarationError(TypeError)            what the author of an op says does not fit together
    |-- CheckError(AssertionError)             an op does not do what its declaration says
    `-- GraphError(ValueError)                 the graph itself is broken (a cycle, …)

A message is a sentence that names op, node, argument, expected and got; then a table of the slots
involved; then the line of the user's program that composed the node; then one hint. Pickled, as
between processes, an error keeps its kind and its whole text.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from minisym.core.origin import Origin, describe

Row = tuple[str, str, str, str]
"""Slot, its value, where that came from, and a remark (or '')."""


class MinisymError(Exception):
    """Any error that minisym raises on purpose.

    Parameters
    ----------
    sentence
        One line: what is wrong, with op, node, argument, expected and got.
    rows
        The slots involved: (name, value, where it came from, remark).
    origin
        Where the node was composed, as its `origin` says; in an error that
        came from another process, the words about it.
    hint
        What to do about it.

    Examples
    --------
    >>> raise MinisymError("the cake is a lie", hint="Bring your own.")
    Traceback (most recent call last):
    ...
    minisym.core.errors.MinisymError: the cake is a lie
    <BLANKLINE>
      hint: Bring your own.
    """

    def __init__(
        self,
        sentence: str,
        *,
        rows: Sequence[Row] = (),
        origin: Origin | str | None = None,
        hint: str | None = None,
    ) -> None:
        self.sentence = sentence
        self.rows = tuple(rows)
        self.origin = origin
        self.hint = hint
        super().__init__(sentence)

    def __str__(self) -> str:
        """Lay out the parts that there are, a blank line between them."""
        parts = [self.sentence]
        if self.rows:
            parts.append(_table(self.rows))
        if self.origin:
            parts.append(describe(self.origin))
        if self.hint:
            parts.append(f"  hint: {self.hint}")
        return "\n\n".join(part for part in parts if part)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as it reads: the place in the program in words, and what else can be pickled.

        (Code objects cannot, and the process that reads it may not have the source.)
        """
        state = {name: value for name, value in vars(self).items() if _is_portable(value)}
        if self.origin:
            state["origin"] = describe(self.origin)
        return _arrived, (type(self), self.args, state)


def _arrived(
    kind: type[MinisymError], args: tuple[Any, ...], state: Mapping[str, Any]
) -> MinisymError:
    """Make an error again, whatever its class wants to be made of."""
    error = kind.__new__(kind, *args)
    vars(error).update({"origin": None, **state})
    return error


def _is_portable(value: object) -> bool:
    try:
        pickle.dumps(value)
    except Exception:  # noqa: BLE001  whatever a value's own pickling may raise
        return False
    return True


class ParamError(MinisymError, ValueError):
    """An op's parameter is missing, unknown, or has a value that it cannot take.

    >>> from minisym import sym
    >>> sym.LeakyReLU(sym.Variable("x"), slope="steep")
    Traceback (most recent call last):
    ...
    minisym.core.errors.ParamError: LeakyReLU: slope takes a float, but got 'steep'
    ...
    """


class KeywordError(ParamError, TypeError):
    """A keyword was given that nothing takes.

    >>> import minisym as ms
    >>> ms.optimizer.SGD(rate=0.1)
    Traceback (most recent call last):
    ...
    minisym.core.errors.KeywordError: SGD has no parameter 'rate'
    ...
    """


class GoneError(ParamError, DeprecationWarning):
    """Something that old versions of MXNet had was asked for: MXNet raises a warning.

    >>> from minisym import sym
    >>> sym.Variable("x").list_attr(recursive=True)
    Traceback (most recent call last):
    ...
    minisym.core.errors.GoneError: list_attr(recursive=True) is gone
    ...
    """


class ComposeError(MinisymError, TypeError):
    """Inputs do not fit the op, or a symbol cannot be used in this way.

    >>> from minisym import sym
    >>> sym.tanh([1.0, 2.0])
    Traceback (most recent call last):
    ...
    minisym.core.errors.ComposeError: tanh: input data must be a Symbol, but got list
    ...
    """


class OutputNameError(ComposeError, ValueError):
    """No output, or more than one, has the name asked for.

    >>> from minisym import sym
    >>> sym.tanh(sym.Variable("x"), name="t")["t"]
    Traceback (most recent call last):
    ...
    minisym.core.errors.OutputNameError: <Symbol t> has no output named 't'
    ...
    """


class OutputIndexError(ComposeError, IndexError):
    """A symbol has no output at the position asked for.

    >>> from minisym import sym
    >>> sym.tanh(sym.Variable("x"), name="t")[1]
    Traceback (most recent call last):
    ...
    minisym.core.errors.OutputIndexError: <Symbol t> has 1 output, but no output 1
    ...
    """


class NotForSymbolError(ComposeError, NotImplementedError):
    """Something that only an array can do was asked of a symbol.

    >>> from minisym import sym
    >>> sym.Variable("x").asnumpy()
    Traceback (most recent call last):
    ...
    minisym.core.errors.NotForSymbolError: asnumpy() needs a value, and a symbol has not run yet
    ...
    """


class ShapeError(MinisymError, ValueError):
    """Shapes contradict each other.

    >>> from minisym import sym
    >>> both = sym.elemwise_add(sym.Variable("a"), sym.Variable("b"), name="sum")
    >>> both.infer_shape(a=(2,), b=(3,))
    Traceback (most recent call last):
    ...
    minisym.core.errors.ShapeError: elemwise_add 'sum': rhs has shape (3,), but lhs needs (2,)
    ...
    """


class ShapeTypeError(ShapeError, TypeError):
    """A shape was given as something that is no tuple.

    >>> from minisym import sym
    >>> sym.tanh(sym.Variable("x")).infer_shape(x="wide")
    Traceback (most recent call last):
    ...
    minisym.core.errors.ShapeTypeError: the shape of x must be a tuple, but got 'wide'
    ...
    """


class ScalarError(ShapeError, TypeError):
    """One number was asked of an array that has more elements, or none.

    >>> from minisym import nd
    >>> nd.array([1.0, 2.0]).asscalar()
    Traceback (most recent call last):
    ...
    minisym.core.errors.ScalarError: an array of shape (2,) has 2 elements, and only one is ...
    """


class AxisError(ShapeError, IndexError):
    """A parameter names an axis that an array does not have.

    >>> from minisym import sym
    >>> sym.sum(sym.Variable("x"), axis=2, name="total").infer_shape(x=(2, 3))
    Traceback (most recent call last):
    ...
    minisym.core.errors.AxisError: sum 'total': axis 2 does not exist in an array of 2 ...
    """


class DtypeError(MinisymError, TypeError):
    """Element types contradict each other, or an op does not take this one.

    >>> from minisym import sym
    >>> both = sym.elemwise_add(sym.Variable("a"), sym.Variable("b"), name="sum")
    >>> both.infer_type(a="float32", b="float64")
    Traceback (most recent call last):
    ...
    minisym.core.errors.DtypeError: elemwise_add 'sum': rhs has type float64, but lhs needs ...
    """


class BindError(MinisymError, ValueError):
    """The arrays that were given do not fit the symbol.

    >>> from minisym import sym
    >>> sym.tanh(sym.Variable("x")).bind(args={})
    Traceback (most recent call last):
    ...
    minisym.core.errors.BindError: bind: args has no array for x
    ...
    """


class ArrayTypeError(BindError, TypeError):
    """Something that is no NumPy array, or one of a type that does not fit, was given as one.

    >>> from minisym import sym
    >>> sym.tanh(sym.Variable("x")).bind(args={"x": [1.0, 2.0]})
    Traceback (most recent call last):
    ...
    minisym.core.errors.ArrayTypeError: bind: args['x'] must be a NumPy array, but got ...
    """


class IndexTypeError(ArrayTypeError, IndexError):
    """An array is indexed by something that means no place in it.

    >>> from minisym import nd
    >>> nd.array([1.0, 2.0])["first"]
    Traceback (most recent call last):
    ...
    minisym.core.errors.IndexTypeError: an array of shape (2,) has no such place: only ...
    """


class IncompleteError(BindError, RuntimeError):
    """The shapes given do not decide all others.

    >>> from minisym import sym
    >>> sym.FullyConnected(sym.Variable("x"), num_hidden=2, name="fc").simple_bind()
    Traceback (most recent call last):
    ...
    minisym.core.errors.IncompleteError: simple_bind: the shapes given do not decide those ...
    """


class GradientError(MinisymError, ValueError):
    """A gradient was asked for where there is none.

    >>> import minisym as ms
    >>> ms.grad(ms.sym.tanh(ms.sym.Variable("x")), "y")
    Traceback (most recent call last):
    ...
    minisym.core.errors.GradientError: there is no variable 'y' to differentiate by
    ...
    """


class ExecutionError(MinisymError, RuntimeError):
    """A step of a run failed; every bound array is as it was before the run.

    >>> import numpy as np
    >>> from minisym import sym
    >>> run = sym.tanh(sym.Variable("x")).bind(args={"x": np.ones(2)}).step()
    >>> run.abandon()
    >>> run.finish()
    Traceback (most recent call last):
    ...
    minisym.core.errors.ExecutionError: this run was given up
    ...
    """


class ExportError(MinisymError, ValueError):
    """Some nodes cannot be said in another format; `problems` lists all of them."""

    problems: Sequence[tuple[str, str, str]] = ()
    """Name of the node, its op, and the reason."""


class FormatError(MinisymError, ValueError):
    """A file or text is not what it claims to be.

    >>> from minisym import sym
    >>> sym.load_json("{}")
    Traceback (most recent call last):
    ...
    minisym.core.errors.FormatError: the file: 'nodes' must be an array, but it is missing
    ...
    """


class NoFileError(FormatError, FileNotFoundError):
    """There is no file of this name, or none of what it should hold.

    >>> import minisym as ms
    >>> ms.load_model("no-such-model")
    Traceback (most recent call last):
    ...
    minisym.core.errors.NoFileError: there is no model 'no-such-model': this folder has no ...
    """


class DeclarationError(MinisymError, TypeError):
    """What the author of an op says does not fit together."""


class CheckError(MinisymError, AssertionError):
    """An op does not do what its declaration says: see `minisym.testing.check_op`."""


class GraphError(MinisymError, ValueError):
    """The graph is broken: a cycle, an input that does not exist, a node that is no node.

    >>> from minisym import sym
    >>> sym.tanh(sym.Variable("x"), name="t").graph.node("fc1")
    Traceback (most recent call last):
    ...
    minisym.core.errors.GraphError: Graph(2 nodes, outputs: t_output) has no node 'fc1'
    ...
    """


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """Return a hint with the closest known words, and the known words; or nothing.

    >>> did_you_mean("num_hiden", ["num_hidden", "no_bias"])
    "did you mean 'num_hidden'? Possible: num_hidden, no_bias"
    >>> did_you_mean("label", ["data", "softmax_label"])
    "did you mean 'softmax_label'? Possible: data, softmax_label"
    """
    names = sorted(known) if isinstance(known, set | frozenset) else list(known)
    if not names:
        return None
    listed = f"Possible: {', '.join(names[:12])}{', …' if len(names) > 12 else ''}"
    asked = meant(word, names)
    return f"{asked} {listed}" if asked else listed


def meant(word: str, known: Iterable[str]) -> str | None:
    """Return the question whether one of the closest known words was meant, if there is any.

    >>> meant("bias", ["fc1_bias", "fc2_bias"])
    "did you mean 'fc1_bias' or 'fc2_bias'?"
    """
    close = closest(word, known)
    return f"did you mean {' or '.join(map(repr, close))}?" if close else None


def closest(word: str, known: Iterable[str], cutoff: float = 0.6) -> list[str]:
    """Return what may have been meant by a word: few known words, the likeliest first.

    A word may be the initials of another, be misspelt, or have too few or too many parts, at its
    end or at its beginning. `cutoff` is how much of a misspelt one must be right.

    >>> closest("lr", ["learning_rate", "wd"]), closest("wieght", ["weight", "bias"])
    (['learning_rate'], ['weight'])
    >>> closest("label", ["data", "softmax_label"]), closest("img_data", ["data", "label"])
    (['softmax_label'], ['data'])
    """
    import difflib

    names = [name for name in known if name != word]
    if short := [name for name in names if _initials(name) == word or _initials(word) == name]:
        return short
    parts = f"_{word}_"
    longer = [name for name in names if f"_{name}_".endswith(parts)]
    longer = longer or [name for name in names if f"_{name}_".startswith(parts)]
    shorter = [name for name in names if parts.endswith(f"_{name}_")]
    shorter = shorter or [name for name in names if parts.startswith(f"_{name}_")]
    found = longer or shorter
    spelt = difflib.get_close_matches(word, names, 1, max(cutoff, _MISSPELT))
    if spelt and spelt[0] not in found:
        return spelt
    if 0 < len(found) <= _FEW:
        return found
    return difflib.get_close_matches(word, found or names, 1, cutoff)


_FEW: Final = 3
"""How many words one question asks for."""

_MISSPELT: Final = 0.8
"""How much of a word is right if it is another with a slip; with less, its parts may say more."""


def _initials(word: str) -> str:
    return "".join(part[:1] for part in word.split("_"))


def count(number: int, noun: str) -> str:
    """Return a number and a noun in its form.

    >>> count(1, "output"), count(2, "output")
    ('1 output', '2 outputs')
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"


def listed(words: Sequence[str], most: int = 3) -> str:
    """Return words as a list, the later ones as a number.

    >>> listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c", "d", "e"])
    ('a', 'a and b', 'a, b, c and 2 more')
    """
    shown = list(words) if len(words) <= most + 1 else [*words[:most], f"{len(words) - most} more"]
    return " and ".join(
        part for part in (", ".join(shown[:-1]), shown[-1] if shown else "") if part
    )


def _table(rows: Sequence[Row]) -> str:
    """Align the columns; a remark stands behind an arrow."""
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    lines = []
    for name, value, source, remark in rows:
        line = f"    {name:<{widths[0]}}  {value:<{widths[1]}}  {source:<{widths[2]}}"
        lines.append(f"{line}  <- {remark}" if remark else line.rstrip())
    return "\n".join(lines)
