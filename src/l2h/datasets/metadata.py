"""Remove metadata from image files, so that damaged metadata does not matter, and read the orientation from it."""

import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress

JPEG, PNG, TIFF = b"\xff\xd8", b"\x89PNG\r\n\x1a\n", (b"II*\0", b"MM\0*")
ORDERS = {b"II": "<", b"MM": ">"}  # byte orders of a TIFF file

MARKER = re.compile(rb"\xff+([^\x00\xd0-\xd7\xff])", re.DOTALL)  # a marker, but not one that occurs between pixels
SCAN, END, APP1 = b"\xda", b"\xd9", b"\xe1"
APPLICATION = re.compile(rb"[\xe0-\xef\xfe]")  # markers of metadata and comments
# application segments that define how colours are stored, and their minimum lengths
COLOURS = {b"\xe0": (b"JFIF\0", 14), b"\xee": (b"Adobe", 12)}
EXIF_HEAD, XMP_HEAD = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"

# transparency and animation; all other chunks that pixels depend on begin with a capital letter
PIXEL_CHUNKS = (b"tRNS", b"acTL", b"fcTL", b"fdAT")
TEXTS = (b"tEXt", b"zTXt", b"iTXt")
EXIF_TEXT, XMP_TEXT = b"Raw profile type exif", b"XML:com.adobe.xmp"
MAX_TEXT = 1 << 24  # bytes of a compressed text

# size, depth, compression, place of the pixels, colours, JPEG tables
PIXEL_TAGS = {256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 292, 293, 317, 320, 322, 323, 324, 325, 332, 338}
PIXEL_TAGS |= {339, 347, *range(512, 522), 529, 530, 531, 532, 50674}
ORIENTATION, XMP_TAG = 274, 700
NUMBERS = {1: "B", 3: "H", 4: "I"}  # integer types of a TIFF
XMP_ORIENTATION = re.compile(rb'tiff:Orientation(?:="|>)([0-9])')


def take_off(content: bytes) -> tuple[bytes, bytes, bytes]:
    """Separate a JPEG, PNG or TIFF file (but not BigTIFF) from its metadata.

    Returns
    -------
    a file of the same pixels without metadata, its EXIF and its XMP, which are empty if there is none. Files of other
    formats, and parts with damaged bounds, are returned unchanged
    """
    if content.startswith(JPEG):
        return _of_jpeg(content)
    if content.startswith(PNG):
        return _of_png(content)
    if content.startswith(TIFF):
        with suppress(struct.error):
            return _of_tiff(content)
    return content, b"", b""


def orientation(exif: bytes, xmp: bytes) -> int:
    """Find the orientation, 1 to 8 if it is valid: in EXIF, else in XMP, else 1.

    Only this tag is read from EXIF, so damage elsewhere in it does not matter.
    """
    with suppress(KeyError, struct.error):
        order, _, entries = _directory(exif.removeprefix(EXIF_HEAD))
        for entry in entries:
            tag, kind, count = struct.unpack_from(f"{order}HHI", entry)
            if tag == ORIENTATION and count == 1 and kind in NUMBERS:
                return struct.unpack_from(order + NUMBERS[kind], entry, 8)[0]
    found = XMP_ORIENTATION.search(xmp)
    return int(found[1]) if found else 1


def segments(content: bytes) -> Iterator[tuple[bytes, int, int, int]]:
    """Yield the marker of each segment of a JPEG file, and where the segment, its data and the next one start.

    Stops after the first image; cameras append others.
    """
    place = 2
    while (found := MARKER.search(content, place)) and found[1] != END:
        data = found.end() + 2
        place = max(data, found.end() + int.from_bytes(content[found.end() : data]))
        yield found[1], found.start(), data, place


def _of_jpeg(content: bytes) -> tuple[bytes, bytes, bytes]:
    bare, exif, xmp = bytearray(), bytearray(), b""
    kept = 0
    for marker, start, data, end in segments(content):
        if marker == SCAN:
            break
        head, least = COLOURS.get(marker, (b"", 0))
        if not APPLICATION.match(marker) or (head and content.startswith(head, data) and end - data >= least):
            continue
        if marker == APP1 and content.startswith(EXIF_HEAD, data):
            exif += content[data + len(EXIF_HEAD) : end]
        elif marker == APP1 and content.startswith(XMP_HEAD, data):
            xmp = content[data + len(XMP_HEAD) : end]
        bare += content[kept:start]
        kept = end
    return bytes(bare + content[kept:]), bytes(exif), xmp


def _of_png(content: bytes) -> tuple[bytes, bytes, bytes]:
    bare, exif, texts = bytearray(content[: len(PNG)]), b"", {EXIF_TEXT: b"", XMP_TEXT: b""}
    kept = place = len(PNG)
    while (name := content[place + 4 : place + 8]).isalpha() and name != b"IEND":
        end = place + 12 + int.from_bytes(content[place : place + 4])
        if name[:1].islower() and name not in PIXEL_CHUNKS and end <= len(content):
            chunk = content[place + 4 : end - 4]
            keyword = chunk[4:83].partition(b"\0")[0]
            if name == b"eXIf":
                exif = chunk[4:]
            elif name in TEXTS and keyword in texts:
                texts[keyword] = chunk
            bare += content[kept:place]
            kept = end
        place = end
    if not exif:
        with suppress(ValueError):  # three lines, then hexadecimal digits
            exif = bytes.fromhex(b"".join(_text(texts[EXIF_TEXT]).split(b"\n")[3:]).decode("ascii"))
    return bytes(bare + content[kept:]), exif, _text(texts[XMP_TEXT])


def _text(chunk: bytes) -> bytes:
    """The text of a PNG's text chunk, including the chunk's name; empty if it cannot be decompressed."""
    text = chunk[4:].partition(b"\0")[2]
    packed = chunk.startswith(b"zTXt")
    if packed:
        text = text[1:]
    elif chunk.startswith(b"iTXt"):
        packed, text = text.startswith(b"\1"), text[2:].split(b"\0", 2)[-1]
    try:
        return zlib.decompressobj().decompress(text, MAX_TEXT) if packed else text
    except zlib.error:
        return b""


def _of_tiff(content: bytes) -> tuple[bytes, bytes, bytes]:
    order, start, entries = _directory(content)
    xmp = b""
    kept = []
    for entry in entries:
        tag, _, count, place = struct.unpack(f"{order}HHII", entry)
        if tag in PIXEL_TAGS:
            kept.append(entry)
        elif tag == XMP_TAG:
            xmp = content[place : place + count]
    after = start + 2 + 12 * len(entries)
    directory = struct.pack(f"{order}H", len(kept)) + b"".join(kept) + content[after : after + 4].ljust(4, b"\0")
    return content[:start] + directory + content[start + len(directory) :], content, xmp


def _directory(tiff: bytes) -> tuple[str, int, list[bytes]]:
    """The byte order of a TIFF file, and the offset and the 12-byte entries of its first directory.

    Truncated entries are left out. Raises KeyError or struct.error if there is no directory.
    """
    order = ORDERS[tiff[:2]]
    (start,) = struct.unpack_from(f"{order}I", tiff, 4)
    (count,) = struct.unpack_from(f"{order}H", tiff, start)
    entries = tiff[start + 2 : start + 2 + 12 * count]
    return order, start, [entries[place : place + 12] for place in range(0, len(entries) - 11, 12)]
