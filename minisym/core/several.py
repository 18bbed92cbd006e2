"""What the gradient rule of an op with several outputs gets: a list, which says so if misused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from minisym.core.errors import DeclarationError, listed


class Several(list[Any]):
    """One symbol for each output; what is done to it as if it were one is refused."""

    def __init__(self, symbols: Iterable[Any], called: str, outputs: Sequence[str]) -> None:
        super().__init__(symbols)
        self._called, self._outputs = called, outputs

    def refusal(self) -> DeclarationError:
        """Return the error that says what it holds, and how one of them is taken."""
        held = "the gradients of the outputs" if self._called == "g" else "the outputs"
        each = [f"{self._called}[{i}] for {name}" for i, name in enumerate(self._outputs)]
        return DeclarationError(
            f"`{self._called}` is a list here: it holds {held} {listed(self._outputs)}",
            hint=f"take one: {listed(each)}",
        )

    def refuse(self, *_: object) -> NoReturn:
        """Refuse what only a symbol can do."""
        raise self.refusal()

    def __getitem__(self, key: Any) -> Any:
        """Return one of them."""
        try:
            return super().__getitem__(key)
        except (IndexError, TypeError):
            self.refuse()

    def __getattr__(self, name: str) -> Any:
        """Refuse the methods of a symbol."""
        if name.startswith("__"):
            raise AttributeError(name)
        self.refuse()

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = refuse
    __truediv__ = __rtruediv__ = __pow__ = __rpow__ = __mod__ = __rmod__ = refuse
    __neg__ = __abs__ = __lt__ = __le__ = __gt__ = __ge__ = refuse
