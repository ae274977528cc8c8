"""Draw a contact sheet: a query and the images found for it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, ImageOps

from l2h.errors import L2HError
from l2h.store.files import atomic

FORMATS = {".jpeg": "JPEG", ".jpg": "JPEG", ".png": "PNG"}
SIDE, MARGIN, TEXT = 144, 12, 14  # pixels
COLUMNS = 6


def check_path(path: str | Path) -> None:
    """Raise L2HError unless a sheet can be written there: a supported format, in an existing folder."""
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise L2HError(f"{path}: unknown image format; choose a name that ends in one of {', '.join(FORMATS)}")
    if path.is_dir():
        raise L2HError(f"{path} is a folder; choose another name for the image")
    if not path.parent.is_dir():
        raise L2HError(f"{path} cannot be written: {path.parent} is not a folder; create it, or choose another place")


def draw(pictures: Sequence[NDArray[np.uint8]], captions: Sequence[str]) -> Image.Image:
    """Images, uint8 (h, w[, 3]), in rows of COLUMNS, scaled to one size, each above its caption."""
    font = ImageFont.load_default(TEXT)
    width, height = SIDE + MARGIN, SIDE + TEXT + 2 * MARGIN
    rows = -(-len(pictures) // COLUMNS)
    sheet = Image.new("RGB", (min(len(pictures), COLUMNS) * width + MARGIN, rows * height + MARGIN), "white")
    pen = ImageDraw.Draw(sheet)
    for place, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        row, column = divmod(place, COLUMNS)
        left, top = MARGIN + column * width, MARGIN + row * height
        image = Image.fromarray(picture).convert("RGB")
        # enlarge with sharp pixels, reduce smoothly
        how = Image.Resampling.NEAREST if max(image.size) < SIDE else Image.Resampling.LANCZOS
        sheet.paste(ImageOps.pad(image, (SIDE, SIDE), how, color="white"), (left, top))
        pen.text((left, top + SIDE + 2), caption, "black", font)
    return sheet


def write(sheet: Image.Image, path: str | Path) -> None:
    """Write a sheet in the format of the file name's suffix."""
    check_path(path)
    with atomic(path) as part:
        sheet.save(part, FORMATS[Path(path).suffix.lower()])
