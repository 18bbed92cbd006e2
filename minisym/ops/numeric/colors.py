r"""Colours: gray, hue as an angle, and the directions in which those of photographs vary."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minisym.core.ndarray import Array

GRAY = np.array([0.299, 0.587, 0.114], np.float32)
"""How bright red, green and blue seem (ITU-R BT.601)."""

COMPONENTS = np.array(
    [[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]]
)
"""Principal components of ImageNet's colours, in columns (Krizhevsky et al., 2012)."""

SPREADS = np.array([55.46, 4.794, 1.148])
"""Their standard deviations."""


def gray(x: Array) -> Array:
    """Return the brightness of each pixel."""
    found: Array = x[..., :3] @ GRAY
    return found


def principal_shift(alpha: Sequence[float] | Array) -> Array:
    """Return the shift of red, green and blue for these strengths of the components."""
    shift: Array = COMPONENTS @ (np.asarray(alpha) * SPREADS)
    return shift.astype(np.float32)


def adjust_hue(x: Array, turn: float) -> Array:
    """Turn the hue by this part of the circle; lightness and saturation stay."""
    if x.shape[-1] == 1:
        return x
    hue, lightness, saturation = _to_hls(x / np.float32(255))
    turned: Array = _from_hls((hue + turn * 6) % 6, lightness, saturation)
    return turned * np.float32(255)


def _to_hls(x: Array) -> tuple[Array, Array, Array]:
    """Return hue in [0, 6), lightness and saturation."""
    r, g, b = x[..., 0], x[..., 1], x[..., 2]
    high, low = x.max(axis=-1), x.min(axis=-1)
    spread, total = high - low, high + low
    flat = spread < np.finfo(np.float32).eps
    safe = np.where(flat, 1, spread)
    saturation = np.where(total < 1, spread / np.where(total == 0, 1, total), safe / (2 - total))
    hue = np.where(
        high == r, (g - b) / safe, np.where(high == g, 2 + (b - r) / safe, 4 + (r - g) / safe)
    )
    return np.where(flat, 0, hue % 6), total / 2, np.where(flat, 0, saturation)


def _from_hls(hue: Array, lightness: Array, saturation: Array) -> Array:
    """Return red, green and blue."""
    top = np.where(
        lightness <= 0.5, lightness * (1 + saturation), lightness + saturation * (1 - lightness)
    )
    bottom = 2 * lightness - top
    angles = (hue[..., None] + np.array([2, 0, -2], np.float32)) % 6
    rising = np.clip(np.minimum(angles, 4 - angles), 0, 1)
    found: Array = bottom[..., None] + (top - bottom)[..., None] * rising
    return found
