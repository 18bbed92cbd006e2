"""The shapes that a user gives, and what a model knows of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minisym.cli.terminal import fail
from minisym.core.errors import listed
from minisym.saved.check import Slot
from minisym.saved.model import Model


def shapes_of(given: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """Read shapes such as data=1,3,224,224.

    >>> shapes_of(["data=1,3,8,8", "label=1"])
    {'data': (1, 3, 8, 8), 'label': (1,)}
    """
    found = {}
    for text in given:
        name, sign, numbers = text.partition("=")
        parts = [part.strip() for part in numbers.replace("x", ",").strip("()").split(",") if part]
        if not (name and sign and parts and all(part.isdigit() for part in parts)):
            fail(f"--shape takes NAME=1,3,224,224, but got {text!r}")
        found[name.strip()] = tuple(map(int, parts))
    return found


def of_prediction(model: Model, shapes: dict[str, Any]) -> dict[str, Any]:
    """Return the shapes of what the prediction reads; a name that is none is refused."""
    known = model.prediction.list_inputs()
    for name in shapes:
        if name not in known and name not in model.params and name not in model.labels:
            fail(f"the model has no input {name!r}", f"its inputs are {', '.join(model.inputs)}")
    return {name: shape for name, shape in shapes.items() if name in known}


def all_known(model: Model, given: dict[str, Any]) -> dict[str, Any] | None:
    """Return all shapes, with 0 for what is open; None where nothing is known of an input."""
    slots = model.check(**of_prediction(model, given)).inputs
    if any(slot.shape is None for slot in slots):
        return None
    inputs = {slot.name: tuple(d or 0 for d in slot.shape or ()) for slot in slots}
    return {**of_prediction(model, {n: a.shape for n, a in model.params.items()}), **inputs}


def complete(model: Model, shapes: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """Return the shape of every input; an unknown batch is 1, and anything else has to be given."""
    report = model.check(**of_prediction(model, shapes))
    if report.contradictions:
        fail(report.contradictions[0])
    found = {}
    unknown: list[Slot] = []
    for slot in report.inputs:
        dims = slot.shape
        if dims is None or any(d is None for d in dims[1:]):
            unknown.append(slot)
        else:
            found[slot.name] = (dims[0] or 1, *(d or 1 for d in dims[1:])) if dims else ()
    if unknown:
        told = listed([f"{slot.name} ({slot})" for slot in unknown])
        fail(f"the shape is not known of {told}", " ".join(map(example, unknown[:4])))
    return found


def example(slot: Slot) -> str:
    """Return how a shape is given: what is known of it stays, the rest is an example.

    >>> example(Slot("data", (None, 1, None, None), "float32"))
    '--shape data=1,1,224,224'
    """
    dims = slot.shape
    if dims is None:
        return f"--shape {slot.name}=…"
    usual = (1, 3, 224, 224) if len(dims) == 4 else (1, *(16 for _ in dims[1:]))
    numbers = ",".join(str(d or u) for d, u in zip(dims, usual, strict=True))
    return f"--shape {slot.name}={numbers}"


def refuse_part(model: Model) -> None:
    """Refuse a model that lacks parameters, before anything is asked about shapes."""
    missing = [one.name for one in model.check().missing]
    if missing:
        if not model.params:
            fail(f"there are no parameters beside {model.source}")
        fail(f"the model lacks {listed(missing)}", "`minisym check` says what is wrong")


def wants(model: Model) -> str:
    """Say which inputs there are."""
    return f"the inputs are {', '.join(model.inputs) or 'none'}"
