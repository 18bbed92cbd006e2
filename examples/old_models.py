"""Old models at work: a cascade of three networks finds a face, another one doubles an image.

The networks were trained and published for MXNet years ago; here they are loaded from their files
and run without it. MTCNN (Zhang et al., "Joint Face Detection and Alignment using Multi-task
Cascaded Convolutional Networks", arXiv:1604.02878) looks at the image in many sizes, and each of
its networks is stricter than the one before; what stands between them is written out below. CARN
(Ahn et al., arXiv:1803.08664) enlarges a picture that was made half as large, and is compared with
the original. The pictures come with scikit-image.

    python examples/old_models.py --models FOLDER

FOLDER holds, each in a folder of its own, mtcnn_det1, mtcnn_det2 and mtcnn_det3 (published at
github.com/deepinsight/insightface) and sr_carn_plain_carn_mobile_2x
(github.com/WolframRhodium/Super-Resolution-Zoo). Without it, MINISYM_MODELS says where they are.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

import minisym as ms

Array = np.ndarray[Any, Any]

CASCADE = ("mtcnn_det1", "mtcnn_det2", "mtcnn_det3")
THRESHOLDS = (0.6, 0.7, 0.8)
SMALLEST, SHRINK = 40, 0.709
"""The smallest face that is looked for, in pixels, and from size to size of the image."""
DOUBLE = "sr_carn_plain_carn_mobile_2x"


# ------------------------------------------------------------------------------------- the faces


def prepared(image: Image.Image, width: int, height: int) -> Array:
    """Return what the networks read: blue, green, red, each from -1 to 1."""
    pixels = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR), np.float32)
    return (pixels[:, :, ::-1].transpose(2, 0, 1) - 127.5) / 128


def proposals(image: Image.Image, net: ms.Model) -> Array:
    """Let the first network look at the image in all sizes: rows of x1, y1, x2, y2 and score."""
    found, scale = [], 12 / SMALLEST
    while min(image.size) * scale > 12:
        width, height = (math.ceil(side * scale) for side in image.size)
        shifts, faces = net(prepared(image, width, height)[None])
        rows, columns = np.nonzero(faces[0, 1] > THRESHOLDS[0])
        # a cell of the output sees 12 x 12 pixels, and the next one lies 2 further
        corners = np.stack([columns * 2, rows * 2, columns * 2 + 12, rows * 2 + 12], 1) / scale
        moved = corners + shifts[0, :, rows, columns] * (12 / scale)
        boxes = np.concatenate([moved, faces[0, 1, rows, columns][:, None]], 1)
        found.append(apart(boxes, 0.5))
        scale *= SHRINK
    return apart(np.concatenate(found), 0.7)


def judged(
    image: Image.Image, boxes: Array, net: ms.Model, size: int, threshold: float
) -> tuple[Array, list[Array]]:
    """Let a network look closely at each box; return those that stay, better placed."""
    boxes = squared(boxes)
    crops = [image.crop(tuple(map(int, box[:4]))) for box in boxes]  # type: ignore[arg-type]
    *shifts, faces = net(np.stack([prepared(crop, size, size) for crop in crops]))
    kept = faces[:, 1] > threshold
    sides = (boxes[kept, 2] - boxes[kept, 0])[:, None]
    moved = boxes[kept, :4] + shifts[-1][kept] * sides
    judged = np.concatenate([moved, faces[kept, 1:]], 1)
    # the last network says where eyes, nose and mouth are, too: five x, then five y
    points = [
        (box[:2, None] + point.reshape(2, 5) * side).T
        for box, point, side in zip(boxes[kept], shifts[0][kept], sides, strict=True)
        if point.size == 10
    ]
    return judged, points


def squared(boxes: Array) -> Array:
    """Make boxes square, about their centres."""
    wide = boxes.copy()
    side = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    for low, high in ((0, 2), (1, 3)):
        centre = (boxes[:, low] + boxes[:, high]) / 2
        wide[:, low], wide[:, high] = np.round(centre - side / 2), np.round(centre + side / 2)
    return wide


def apart(boxes: Array, most: float) -> Array:
    """Keep the best of boxes that lie over each other: non-maximum suppression."""
    if not len(boxes):
        return boxes
    scored = np.concatenate([boxes[:, 4:], boxes[:, :4]], 1)[None]
    chosen = ms.nd.contrib.box_nms(scored, overlap_thresh=most, score_index=0, coord_start=1)
    rows = np.asarray(chosen[0])
    rows = rows[rows[:, 0] > 0]
    return np.concatenate([rows[:, 1:], rows[:, :1]], 1)


def faces_in(image: Image.Image, nets: list[ms.Model]) -> tuple[Array, list[Array]]:
    """Run the cascade."""
    boxes, points = proposals(image, nets[0]), list[Array]()
    for net, size, threshold in zip(nets[1:], (24, 48), THRESHOLDS[1:], strict=True):
        boxes, points = judged(image, boxes, net, size, threshold)
        if len(boxes) > 1:
            best = apart(boxes, 0.7)
            places = [int(np.abs(boxes[:, 4] - row[4]).argmin()) for row in best]
            boxes, points = boxes[places], [points[i] for i in places] if points else []
    return boxes, points


# ---------------------------------------------------------------------------- the larger picture


def enlarged(image: Image.Image, net: ms.Model) -> Image.Image:
    """Double an image."""
    pixels = np.asarray(image, np.float32).transpose(2, 0, 1)[None] / 255
    doubled = np.clip(net(pixels)[0], 0, 1).transpose(1, 2, 0)
    return Image.fromarray(np.round(doubled * 255).astype(np.uint8))


def psnr(one: Image.Image, two: Image.Image) -> float:
    """Return the ratio of signal to noise, 10 log10(255² / mean squared difference), in dB."""
    difference = np.asarray(one, np.float64) - np.asarray(two, np.float64)
    return float(10 * np.log10(255**2 / np.square(difference).mean()))


def main() -> None:
    """Find the face, enlarge the cat."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=os.environ.get("MINISYM_MODELS"))
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "out", metavar="DIR")
    arguments = parser.parse_args()
    folder = arguments.models
    if folder is None or not all((folder / name).is_dir() for name in (*CASCADE, DOUBLE)):
        print(__doc__.split("FOLDER holds")[0].strip().splitlines()[0])
        print("The models are not here: --models FOLDER says where; --help says which, and whose.")
        sys.exit(0)
    from skimage import data

    astronaut, chelsea = data.astronaut(), data.chelsea()  # type: ignore[no-untyped-call]
    arguments.output.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(astronaut)
    boxes, points = faces_in(image, [ms.load_model(folder / name) for name in CASCADE])
    draw = ImageDraw.Draw(image)
    for (x1, y1, x2, y2, score), marks in zip(boxes, points, strict=True):
        print(f"a face from ({x1:.0f}, {y1:.0f}) to ({x2:.0f}, {y2:.0f}), score {score:.3f}")
        draw.rectangle((x1, y1, x2, y2), outline="#22C55E", width=3)
        for x, y in marks:
            draw.ellipse((x - 3, y - 3, x + 3, y + 3), fill="#22C55E")
    image.save(arguments.output / "faces.png")
    cat = Image.fromarray(chelsea[:, :450])
    small = cat.resize((cat.width // 2, cat.height // 2), Image.Resampling.BICUBIC)
    plain = small.resize(cat.size, Image.Resampling.BICUBIC)
    better = enlarged(small, ms.load_model(folder / DOUBLE))
    gains = f"bicubic {psnr(plain, cat):.2f} dB, by the network {psnr(better, cat):.2f} dB"
    print(f"a cat, doubled: {gains}")
    both = Image.new("RGB", (2 * cat.width, cat.height))
    both.paste(plain, (0, 0))
    both.paste(better, (cat.width, 0))
    both.save(arguments.output / "doubled.png")
    print(f"pictures: {arguments.output / 'faces.png'}, {arguments.output / 'doubled.png'}")


if __name__ == "__main__":
    main()
