"""Muon: the step of a matrix is an orthogonal matrix, composed of products that every graph has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from minisym.core.declare import F
from minisym.core.symbol import Symbol
from minisym.optimizer.base import Optimizer
from minisym.optimizer.parameter import Parameter, Rule

QUINTIC: Final = (3.4445, -4.7750, 2.0315)
"""Coefficients a, b, c of a step of the iteration, which brings singular values near 1 quickly."""


def newton_schulz(matrix: Symbol, steps: int = 5) -> Symbol:
    r"""Return nearly the orthogonal matrix that is closest: $U V^T$ of $G = U \Sigma V^T$.

    $X_0 = G / \lVert G \rVert_F$, and in each step with $A = X X^T$:
    $X \leftarrow a X + (b A + c A^2) X$. Odd polynomials of a matrix act on its singular values
    alone: after five steps those that were not tiny lie between 0.7 and 1.2. No decomposition is
    computed, only products.

    Parameters
    ----------
    matrix
        A matrix; what has more dimensions is read as one, (first dimension, all others).
    steps
        How many steps to make.

    References
    ----------
    Jordan, "Muon: An optimizer for hidden layers in neural networks", 2024;
    https://kellerjordan.github.io/posts/muon/ for iteration and coefficients.

    Examples
    --------
    >>> import numpy as np
    >>> from minisym import sym
    >>> x = newton_schulz(sym.Variable("g")).eval(g=np.array([[3.0, 0.0], [4.0, 5.0]]))[0]
    >>> bool(np.all(np.abs(np.linalg.svd(x, compute_uv=False) - 1) < 0.35))
    True
    """
    a, b, c = QUINTIC
    flat = F.reshape(matrix, shape=(0, -1))
    norm = F.norm(flat, axis=(0, 1), keepdims=True)
    x = F.broadcast_div(flat, norm + 1e-7)
    for _ in range(steps):
        gram = F.dot(x, x, transpose_b=True)
        x = a * x + F.dot(b * gram + c * F.dot(gram, gram), x)
    return F.reshape_like(x, matrix)


@Optimizer.register
class Muon(Optimizer):
    r"""Step by the sign of a matrix as a whole for hidden layers, element by element elsewhere.

    With the momentum $m \leftarrow \mu m + g$ and the direction $d = g + \mu m$: a weight moves by
    $w \leftarrow w - \eta\,(\mathrm{orth}(d) + \lambda w)$, where $\mathrm{orth}$ is
    `newton_schulz`; a bias, and whatever `by_sign` names, by
    $w \leftarrow w - \eta\,s\,(\mathrm{sign}(d) + \lambda w)$. Both are steepest descent: the first
    in the spectral norm of the matrix, the second in the largest element.

    Parameters
    ----------
    momentum
        Decay rate of the momentum, $\mu$.
    steps
        Steps of the iteration.
    by_sign
        Endings of the names of weights that step by signs, such as those of embeddings and of the
        last layer.
    sign_scale
        What the step of signs is multiplied by, $s$.
    **kwargs
        As for `Optimizer`. The weight decay is apart from the gradient.

    References
    ----------
    Jordan, "Muon: An optimizer for hidden layers in neural networks", 2024. Pethick et al.,
    "Training Deep Learning Models with Norm-Constrained LMOs", arXiv:2502.07529, for signs where
    Muon takes AdamW.
    """

    default_rate = 0.02

    def __init__(
        self,
        learning_rate: float | None = None,
        momentum: float = 0.95,
        steps: int = 5,
        by_sign: Sequence[str] = (),
        sign_scale: float = 0.1,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.momentum, self.steps = momentum, steps
        self.by_sign, self.sign_scale = tuple(by_sign), sign_scale

    def states(self) -> tuple[str, ...]:
        """Return the momentum."""
        return ("mom",)

    def rule(self, p: Parameter) -> Rule:
        """Compose the update of one parameter."""
        m, g = p.state("mom"), p.gradient
        new = m * self.momentum + g
        direction = g + new * self.momentum
        is_matrix = p.name.endswith("_weight") and not p.name.endswith(self.by_sign or " ")
        step = (
            newton_schulz(direction, self.steps)
            if is_matrix
            else F.sign(direction) * self.sign_scale
        )
        return [p.step(step), p.keep(m, new)]
