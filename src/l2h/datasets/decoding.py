"""Decode one image file to pixels, or raise an error that names the kind of fault."""

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from l2h.datasets import metadata

# The formats to try; PIL would start external programs for some others.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
SUFFIXES = (".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
MAX_BYTES = 1 << 28  # of a file
MAX_PIXELS = 1 << 26  # of an image: 200 MB as RGB
SMALLER = "save a smaller copy"
MAX_SCANS = 100  # of a progressive JPEG, which usually has ten; each takes a pass over all pixels, even with few bytes

# supported modes, and what is done to convert them to RGB
MODES = {
    "RGB": None,
    "RGBX": None,
    "RGBA": None,
    "RGBa": None,
    "1": "grey",
    "L": "grey",
    "LA": "grey",
    "La": "grey",
    "P": "palette",
    "PA": "palette",
    "CMYK": "CMYK",
    "YCbCr": "YCbCr",
}
DEEP = re.compile(";16[BLN]")  # in PIL's names of layouts with 16 bits a channel; BGR;16 has 16 bits a pixel
TRANSPARENT = ("LA", "La", "PA", "RGBA", "RGBa")
# transposition that makes an image upright, by its orientation
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class ImageError(Exception):
    """A file that cannot be used; the text names the kind of fault, without details of the file.

    Attributes
    ----------
    cure : how the user can fix such a file
    """

    def __init__(self, fault: str, cure: str = "save it as a still 8-bit RGB or grey image"):
        super().__init__(fault)
        self.cure = cure


def read(path: str | Path) -> bytes:
    """Read an image file's bytes; raises ImageError if it is missing, or too large to be an image."""
    path = Path(path)
    try:
        if not path.is_file():  # opening a pipe would block
            raise ImageError("not a regular file" if path.exists() else "missing", "check the path")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ImageError(f"not readable ({error.strerror})", "make it readable") from None
    if len(content) > MAX_BYTES:
        raise ImageError(f"larger than {MAX_BYTES >> 20} MiB", SMALLER)
    return content


def decode(content: bytes) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Turn a file's bytes into pixels.

    Everything becomes RGB: transparent images are put on white, grey ones get three equal channels. The EXIF
    orientation is applied. Damaged metadata is ignored, damaged pixels are an error.

    Returns
    -------
    uint8 (h, w, 3), and a short description of each conversion, for the log

    Raises
    ------
    ImageError
        the file is not an image, is damaged, or cannot be converted to 8-bit RGB
    """
    bare, exif, xmp = metadata.take_off(content)
    try:
        image = Image.open(io.BytesIO(bare), formats=FORMATS)
    except Image.DecompressionBombError:
        raise ImageError(f"more than {MAX_PIXELS >> 20} million pixels", SMALLER) from None
    except Exception:  # parsers raise OSError, SyntaxError, ValueError, struct.error, ...
        raise ImageError("not an image of a supported format", f"give one of {', '.join(FORMATS)}") from None
    try:
        _require_fit(image)
        if image.format == "JPEG" and _scans(bare) > MAX_SCANS:
            raise ImageError(f"more than {MAX_SCANS} scans", "save it again")
        image.load()
        done = [MODES[image.mode]]
        turn = TURNS.get(metadata.orientation(exif or image.info.get("exif", b""), xmp or image.info.get("xmp", b"")))
        upright = image if turn is None else image.transpose(turn)
        if turn is not None:
            done.append("rotated by EXIF orientation")
        if image.mode in TRANSPARENT or "transparency" in image.info:
            done.append("transparent, put on white")
            white = Image.new("RGBA", upright.size, "white")
            upright = Image.alpha_composite(white, upright.convert("RGBA"))
        return np.array(upright.convert("RGB")), tuple(word for word in done if word)
    except ImageError:
        raise
    except Exception as error:  # decoders raise all kinds of errors on damaged bytes
        raise ImageError("damaged or cut short", "get it again, or choose another image") from error


def _require_fit(image: ImageFile.ImageFile) -> None:
    """Raise ImageError for an image that cannot be used, judging by its header."""
    if image.width * image.height > MAX_PIXELS:
        raise ImageError(f"more than {MAX_PIXELS >> 20} million pixels", SMALLER)
    if min(image.size) < 2:
        raise ImageError("one pixel high or wide", "choose a larger image")
    if getattr(image, "is_animated", False):
        raise ImageError("animated, or with several pages")
    if image.mode.startswith(("I", "F")) or any(map(_is_deep, image.tile)):
        raise ImageError("more than 8 bits a channel")
    if image.mode not in MODES:
        raise ImageError(f"colours in {image.mode}")


def _is_deep(tile: tuple[Any, ...]) -> bool:
    """Whether a part of an image has 16 bits a channel in the file, which PIL may silently reduce to 8."""
    codec, _, _, how = tile
    return bool(DEEP.search(str(how))) or (codec.startswith("ppm") and how[-1] > 255)


def _scans(content: bytes) -> int:
    """Number of scans of a JPEG file."""
    return sum(marker == metadata.SCAN for marker, *_ in metadata.segments(content))
