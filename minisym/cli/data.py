"""Inputs from files: arrays of NumPy, and images as networks of MXNet's time want them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from minisym.cli.terminal import fail
from minisym.core.ndarray import Array

IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm")
MOST = 100_000_000
"""Pixels that an image may have."""


@dataclass(frozen=True)
class Images:
    """How an image becomes an array: (1, channels, height, width), float32.

    Attributes
    ----------
    size
        Height and width to resize to; None leaves the image as it is.
    crop
        Whether to keep the proportions: the shorter side is resized, and the middle is cut out.
    channels
        "rgb", "bgr" or "gray".
    mean, std, scale
        Each channel becomes (scale * value - mean) / std; values are 0 to 255.
    """

    size: tuple[int, int] | None = None
    crop: bool = True
    channels: str = "rgb"
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    scale: float = 1.0

    def read(self, path: Path) -> Array:
        """Read an image file."""
        try:
            from PIL import Image, UnidentifiedImageError
        except ImportError:
            fail("reading images needs Pillow", 'pip install "minisym[images]"')
        try:
            with Image.open(path) as image:
                if image.width * image.height > MOST:
                    fail(f"{path} has {image.width} x {image.height} pixels, which is too many")
                pixels = image.convert("L" if self.channels == "gray" else "RGB")
        except (
            Image.DecompressionBombError,
            UnidentifiedImageError,
            SyntaxError,
            ValueError,
        ):
            fail(f"{path} is no image that Pillow can read")
        if self.size is not None:
            pixels = self._resized(pixels, *self.size)
        array: Array = np.asarray(pixels, np.float32)
        array = array[:, :, None] if array.ndim == 2 else array
        if self.channels == "bgr":
            array = array[:, :, ::-1]
        array = (array * np.float32(self.scale) - self._each(self.mean)) / self._each(self.std)
        return np.ascontiguousarray(array.transpose(2, 0, 1))[None]

    def _resized(self, image: Any, height: int, width: int) -> Any:
        from PIL import Image

        if not self.crop:
            return image.resize((width, height), Image.Resampling.BILINEAR)
        factor = max(width / image.width, height / image.height)
        wide = max(width, round(image.width * factor))
        high = max(height, round(image.height * factor))
        image = image.resize((wide, high), Image.Resampling.BILINEAR)
        left, top = (wide - width) // 2, (high - height) // 2
        return image.crop((left, top, left + width, top + height))

    def _each(self, numbers: tuple[float, ...]) -> Array:
        count = 1 if self.channels == "gray" else 3
        if len(numbers) not in {1, count}:
            fail(f"--mean and --std take 1 or {count} numbers, but got {len(numbers)}")
        return np.array(numbers, np.float32)


def read_inputs(given: Sequence[str], names: Sequence[str], images: Images) -> dict[str, Array]:
    """Read what --data gives: FILE for the first input, or NAME=FILE.

    Several images for one input are a batch.
    """
    found: dict[str, list[Array]] = {}
    for text in given:
        name, sign, file = text.partition("=")
        if not sign or name not in names:
            name, file = (names[0] if names else ""), text
        path = Path(file)
        if not path.is_file():
            known = f"the inputs are {', '.join(names)}" if names else "the model has no inputs"
            fail(f"there is no file {file!r}", f"--data FILE or --data NAME=FILE; {known}")
        for key, array in _read(path, name, images).items():
            found.setdefault(key, []).append(array)
    return {name: _batch(name, arrays) for name, arrays in found.items()}


def _read(path: Path, name: str, images: Images) -> dict[str, Array]:
    suffix = path.suffix.lower()
    if suffix in IMAGES:
        return {name: images.read(path)}
    if suffix not in {".npy", ".npz"}:
        fail(f"{path} is neither an array (.npy, .npz) nor an image ({', '.join(IMAGES)})")
    try:
        loaded = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError):
        fail(f"{path} is no array of NumPy that can be read")
    if suffix == ".npy":
        return {name: loaded}
    with loaded:
        try:
            return {key: loaded[key] for key in loaded.files}
        except ValueError:
            fail(f"{path} holds Python objects, which are not read")


def _batch(name: str, arrays: Sequence[Array]) -> Array:
    if len(arrays) == 1:
        return arrays[0]
    shapes = {array.shape[1:] for array in arrays}
    if len(shapes) > 1:
        fail(
            f"what is given for {name} differs in shape: {', '.join(map(str, shapes))}",
            "--size HEIGHTxWIDTH makes images of one size",
        )
    return np.concatenate(arrays)


def read_labels(path: Path) -> list[str]:
    """Read the names of classes, one a line.

    The number of WordNet in front of a name, as in the lists for ImageNet, is left out.
    """
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return [
        line.partition(" ")[2] if line[:1] == "n" and line[1:9].isdigit() else line
        for line in map(str.strip, lines)
    ]
