"""Updates: ops that overwrite a weight, and their states, with the values of the next step."""

from minisym.ops.updates import (
    adaptive,
    control,
    exchanges,
    lamb,
    momentum,
    multi,
    multi_adaptive,
    scaling,
    signs,
    signsgd,
    variants,
    votes,
)
