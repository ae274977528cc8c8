"""Images as data URIs."""

import base64
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 64


def thumbnail(image: NDArray[np.uint8]) -> str:
    """An image, uint8 (h, w) or (h, w, 3), as PNG, or reduced to SIDE as JPEG if it is larger."""
    reduced = Image.fromarray(image)
    if max(reduced.size) <= SIDE:
        return _uri(reduced, "png", optimize=True)
    reduced.thumbnail((SIDE, SIDE))
    return _uri(reduced, "jpeg", quality=80)


def plot(values: NDArray) -> str:
    """A matrix with values from 0 (white) to 1 (black), one pixel each, as PNG."""
    return _uri(Image.fromarray(np.round(255 * (1 - values)).astype(np.uint8)), "png", optimize=True)


def _uri(image: Image.Image, kind: str, **options: int) -> str:
    file = BytesIO()
    image.save(file, kind, **options)
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}"
