"""The image store: arrays, folders of image files, and unusual or damaged files."""

import hashlib
import io
import struct
import time
import warnings
import zlib

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from l2h import datasets
from l2h.datasets import decoding
from l2h.datasets.decoding import ImageError, decode
from l2h.datasets.images import ImageStore, iter_images, mirror, require_same
from l2h.errors import L2HError
from l2h.store.manifests import read_manifest

RGB = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)


def encoded(image, kind="PNG", **options):
    file = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(file, kind, **options)
    return file.getvalue()


def chunk(name, data, damage=0):
    """A part of a PNG file."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data) ^ damage)


def png(width, height, bits, colour, rows):
    """A PNG file of any bit depth."""
    head = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


class TestArrays:
    @pytest.fixture
    def prepared(self, tmp_path):
        datasets.registry.get("digit_pairs")(None).prepare(tmp_path / "images", tmp_path / "manifest.parquet")
        return tmp_path / "images", read_manifest(tmp_path / "manifest.parquet")

    def test_batches_cover_all_images_in_order(self, prepared):
        folder, manifest = prepared
        batches = list(iter_images(folder, manifest, 400))
        assert [len(ids) for ids, _ in batches] == [400, 400, 98]
        assert np.array_equal(np.concatenate([ids for ids, _ in batches]), np.arange(898))
        assert np.array_equal(np.concatenate([images for _, images in batches]), np.load(folder / "images.npy"))

    def test_some_images_may_be_mirrored(self, prepared):
        folder, manifest = prepared
        ((ids, images),) = iter_images(folder, manifest, 400, np.array([30, 4, 7]))
        assert ids.tolist() == [4, 7, 30]
        assert np.array_equal(mirror(images), np.load(folder / "images.npy")[[4, 7, 30], :, ::-1])
        assert np.array_equal(mirror(list(images)), mirror(images))

    def test_rows_keep_the_requested_order(self, prepared):
        images = ImageStore(*prepared)
        assert len(images) == 898
        some = images.read(np.array([7, 3, 7]))
        assert type(some) is np.ndarray
        assert np.array_equal(some, np.load(prepared[0] / "images.npy")[[7, 3, 7]])

    def test_unknown_ids_are_refused(self, prepared):
        images = ImageStore(*prepared)
        assert images.rows_of(np.array([7, 3])).tolist() == [7, 3]
        with pytest.raises(L2HError, match=r"images has no images of ids \[900, -1\]"):
            images.rows_of(np.array([900, 3, -1]))

    def test_damage_is_one_line(self, prepared):
        folder, manifest = prepared
        path = folder / "images.npy"
        whole = path.read_bytes()
        for damaged in (whole[:-5], whole[:20], b"", b"\x80\x04junk"):
            path.write_bytes(damaged)
            with pytest.raises(L2HError, match=r"images\.npy is damaged or cut short"):
                ImageStore(folder, manifest)

    def test_a_flipped_bit_is_refused(self, prepared):
        folder, manifest = prepared
        images = np.load(folder / "images.npy")
        images[7, 2, 3] ^= 1
        np.save(folder / "images.npy", images)
        store = ImageStore(folder, manifest)
        store.read(np.array([3, 6]))
        with pytest.raises(
            L2HError, match=r"images\.npy is damaged: row 7 is not the image of its manifest; delete .*images"
        ):
            store.read(np.array([3, 7]))

    def test_other_arrays_are_refused(self, prepared):
        folder, manifest = prepared
        np.save(folder / "images.npy", np.zeros((898, 8, 16)))
        with pytest.raises(L2HError, match="is not an image store"):
            ImageStore(folder, manifest)
        np.save(folder / "images.npy", np.zeros((3, 8, 16), np.uint8))
        with pytest.raises(L2HError, match="holds 3 images, its manifest 898"):
            ImageStore(folder, manifest)


class TestImages:
    @pytest.fixture
    def prepared(self, tmp_path):
        """Two images of different sizes, behind the link that `image_list` makes."""
        (tmp_path / "theirs" / "sub").mkdir(parents=True)
        contents = {"a.png": encoded(RGB), "sub/b.png": encoded(RGB[:3])}
        for name, content in contents.items():
            (tmp_path / "theirs" / name).write_bytes(content)
        (tmp_path / "images").mkdir()
        (tmp_path / "images" / "root").symlink_to(tmp_path / "theirs")
        manifest = pa.table(
            {
                "id": pa.array([0, 1], pa.int64()),
                "image_sha256": pa.array([hashlib.sha256(content).digest() for content in contents.values()]),
                "location": [f"root/{name}" for name in contents],
            }
        )
        return tmp_path, manifest

    def test_images_of_several_sizes_come_as_a_list(self, prepared):
        folder, manifest = prepared
        images = ImageStore(folder / "images", manifest)
        assert len(images) == 2
        some = images.read(np.array([1, 0, 1]))
        assert [np.array_equal(*pair) for pair in zip(some, (RGB[:3], RGB, RGB[:3]), strict=True)] == [True] * 3
        (_, first), (ids, second) = iter_images(folder / "images", manifest, 1)
        assert np.array_equal(first[0], RGB)
        assert (ids.tolist(), second[0].shape) == ([1], (3, 9, 3))

    def test_a_changed_or_missing_image_is_named_with_the_fix(self, prepared):
        folder, manifest = prepared
        images = ImageStore(folder / "images", manifest)
        path = folder / "theirs" / "a.png"
        path.write_bytes(encoded(RGB[::-1]))
        with pytest.raises(L2HError, match=r"root/a\.png: changed since the dataset was prepared; .* or run again"):
            images.read(np.array([0]))
        path.unlink()
        with pytest.raises(L2HError, match=r"root/a\.png: missing; restore the image"):
            images.read(np.array([0]))

    @pytest.mark.parametrize("location", ["root/../theirs/a.png", "theirs/a.png", "../theirs/a.png", "{}/theirs/a.png"])
    def test_a_manifest_names_only_images_below_the_root(self, prepared, location):
        folder, manifest = prepared
        elsewhere = manifest.set_column(2, "location", [[location.format(folder)] * 2])
        with pytest.raises(L2HError, match="not below the folder of images"):
            ImageStore(folder / "images", elsewhere).read(np.array([0]))


def grey_with_alpha():
    return Image.merge("LA", [Image.new("L", (4, 4), 10), Image.new("L", (4, 4), 0)])


def see_through_palette():
    image = Image.new("P", (4, 4), 1)
    image.putpalette([0, 0, 0, 200, 10, 20])
    return encoded(image, transparency=1)


@pytest.mark.parametrize(
    ("content", "pixel", "words"),
    [
        (encoded(RGB), RGB[0, 0].tolist(), ()),
        (encoded(RGB, "BMP"), RGB[0, 0].tolist(), ()),
        (encoded(RGB, "TIFF"), RGB[0, 0].tolist(), ()),
        (encoded(RGB, "WEBP", lossless=True), RGB[0, 0].tolist(), ()),
        (encoded(np.full((4, 4), 77, np.uint8)), [77, 77, 77], ("grey",)),
        (encoded(Image.new("1", (4, 4), 1)), [255, 255, 255], ("grey",)),
        (encoded(Image.new("RGB", (4, 4), "red").convert("P"), "GIF"), [255, 0, 0], ("palette",)),
        (see_through_palette(), [255, 255, 255], ("palette", "transparent, put on white")),
        (encoded(Image.new("RGBA", (4, 4), (0, 0, 200, 255))), [0, 0, 200], ("transparent, put on white",)),
        (encoded(Image.new("RGBA", (4, 4), (0, 0, 200, 0))), [255, 255, 255], ("transparent, put on white",)),
        (encoded(grey_with_alpha()), [255, 255, 255], ("grey", "transparent, put on white")),
        (encoded(Image.new("CMYK", (4, 4), (0, 255, 255, 0)), "TIFF"), [255, 0, 0], ("CMYK",)),
        (encoded(Image.new("CMYK", (16, 16), (0, 0, 0, 255)), "JPEG"), [0, 0, 0], ("CMYK",)),
    ],
    ids=lambda value: "file" if isinstance(value, bytes) else None,
)
def test_conversions_to_rgb_are_noted(content, pixel, words):
    image, done = decode(content)
    assert (image.dtype, image.shape[2]) == (np.uint8, 3)
    assert image[0, 0].tolist() == pixel
    assert done == words


SAID = ("rotated by EXIF orientation",)


def exif_of(*entries, order="<"):
    """EXIF of entries (tag, type, count, value), each value four bytes or a number."""
    forms = (f"{order}HHI4s" if isinstance(value, bytes) else f"{order}HHIHxx" for *_, value in entries)
    rows = [struct.pack(form, *entry) for form, entry in zip(forms, entries, strict=True)]
    head = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}IH", 8, len(rows))
    return head + b"".join(rows) + bytes(4)


def jpeg_with(*segments):
    """A JPEG file with these segments, (marker, data), behind its start."""
    whole = encoded(RGB, "JPEG", quality=95)
    parts = (b"\xff" + marker + struct.pack(">H", len(data) + 2) + data for marker, data in segments)
    return whole[:2] + b"".join(parts) + whole[2:]


def png_with(*chunks):
    """A PNG file with these parts behind its head."""
    whole = encoded(RGB)
    return whole[:33] + b"".join(chunks) + whole[33:]


def tiff_with(*entries):
    """An uncompressed TIFF file with these entries, (tag, type, count, value), beside those that it needs."""
    needed = [(256, 3, 1, 9), (257, 3, 1, 6), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 2), (277, 3, 1, 3)]
    rows = sorted([*needed, (278, 3, 1, 6), (279, 3, 1, RGB.size), (273, 3, 1, 300), *entries])
    return exif_of(*rows).ljust(300, b"\0") + RGB.tobytes()


XMP = b'<rdf:Description tiff:Orientation="6"/>'
XMP_SEGMENT = (b"\xe1", b"http://ns.adobe.com/xap/1.0/\0" + XMP)
EXIF = exif_of((274, 3, 1, 6))
JPEG_PIXELS = decode(jpeg_with())[0]


@pytest.mark.parametrize("number", range(10))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_the_exif_orientation_is_applied(kind, number):
    exif = Image.Exif()
    exif[274] = number
    content = encoded(RGB, kind, exif=exif, **({"lossless": True} if kind == "WEBP" else {}))
    image, done = decode(content)
    assert np.array_equal(image, np.array(ImageOps.exif_transpose(Image.open(io.BytesIO(content)))))
    assert done == (SAID if 2 <= number <= 8 else ())


@pytest.mark.parametrize(
    "content",
    [
        jpeg_with(XMP_SEGMENT),
        jpeg_with((b"\xe1", b"Exif\0\0" + EXIF)),
        jpeg_with((b"\xe1", b"Exif\0\0" + exif_of((274, 3, 1, 6), order=">"))),
        jpeg_with((b"\xe1", b"Exif\0\0" + exif_of((274, 4, 1, b"\6\0\0\0")))),
        jpeg_with((b"\xe1", b"Exif\0\0" + exif_of((274, 1, 1, b"\6\0\0\0")))),
        jpeg_with((b"\xe1", b"Exif\0\0" + exif_of((274, 2, 1, 3))), XMP_SEGMENT),
        png_with(chunk(b"eXIf", EXIF)),
        png_with(chunk(b"eXIf", EXIF, damage=1)),
        png_with(chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(b"\nexif\n 26\n" + EXIF.hex().encode()))),
        png_with(chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP)),
        png_with(chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(XMP))),
        tiff_with((274, 3, 1, 6)),
        encoded(RGB, "WEBP", lossless=True, exif=EXIF),
        encoded(RGB, "WEBP", lossless=True, xmp=XMP),
    ],
)
def test_the_orientation_is_read_from_any_place(content):
    image, done = decode(content)
    upright = JPEG_PIXELS if content.startswith(b"\xff\xd8") else RGB
    assert np.array_equal(image, np.rot90(upright, -1))
    assert done == SAID


def test_the_first_of_several_photographs_is_read():
    several = encoded(RGB, "MPO", save_all=True, append_images=[Image.new("RGB", (9, 6))], quality=95)
    assert Image.open(io.BytesIO(several)).n_frames == 2
    image, done = decode(several)
    assert np.array_equal(image, JPEG_PIXELS)
    assert done == ()


# what PIL refuses the file for, warns of, or both
DAMAGED = {
    "a number as text": jpeg_with((b"\xe1", b"Exif\0\0" + exif_of((256, 2, 4, b"640\0"), (274, 2, 1, 6)))),
    "EXIF cut short": jpeg_with((b"\xe1", b"Exif\0\0" + exif_of((271, 2, 99, 8), (34665, 4, 1, 9999))[:-9])),
    "EXIF of nothing": jpeg_with((b"\xe1", b"Exif\0\0")),
    "EXIF of noise": jpeg_with((b"\xe1", b"Exif\0\0" + RGB.tobytes())),
    "XMP of noise": jpeg_with((b"\xe1", b"http://ns.adobe.com/xap/1.0/\0" + RGB.tobytes())),
    "an ICC profile cut short": jpeg_with((b"\xe2", b"ICC_PROFILE\0")),
    "pages that are none": jpeg_with((b"\xe2", b"MPF\0II*\0" + bytes([255] * 9))),
    "a JFIF head cut short": jpeg_with((b"\xe0", b"JFIF\0")),
    "an Adobe head cut short": jpeg_with((b"\xee", b"Adobe")),
    "IPTC cut short": jpeg_with((b"\xed", b"Photoshop 3.0\x008BIM\4")),
    "a checksum of text": png_with(chunk(b"tEXt", b"Author\0me", damage=1)),
    "a checksum of EXIF": png_with(chunk(b"eXIf", exif_of((271, 2, 99, 8)), damage=1)),
    "text that is packed in no known way": png_with(chunk(b"zTXt", b"Author\0\7x")),
    "text that unpacks to much": png_with(chunk(b"zTXt", b"Author\0\0" + zlib.compress(bytes(1 << 21)))),
    "an orientation that is no text": png_with(chunk(b"tEXt", b"Raw profile type exif\0\n\n\nxy\xff")),
    "an ICC profile packed in no known way": png_with(chunk(b"iCCP", b"sRGB\0\7x")),
    "a resolution cut short": png_with(chunk(b"pHYs", b"1")),
    "a gamma cut short": png_with(chunk(b"gAMA", b"1")),
    "a resolution as text": tiff_with((282, 2, 4, b"300\0"), (283, 2, 4, b"300\0"), (296, 3, 1, 3)),
    "EXIF that is elsewhere": tiff_with((34665, 4, 1, b"\xff\xff\xff\xff")),
    "an ICC profile that is elsewhere": tiff_with((34675, 7, 9999, b"\xff\xff\xff\xff")),
    "XMP as text": tiff_with((700, 2, 4, b"xmp\0")),
    "EXIF of noise in WebP": encoded(RGB, "WEBP", lossless=True, exif=RGB.tobytes(), xmp=RGB.tobytes()),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_damage_outside_the_pixels_is_ignored(content):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        image, done = decode(content)
    assert np.array_equal(image, JPEG_PIXELS if content.startswith(b"\xff\xd8") else RGB)
    assert done == ()


@pytest.mark.parametrize("name", [b"IHDR", b"PLTE", b"tRNS"])
def test_damage_that_changes_pixels_is_refused(name):
    whole = see_through_palette()
    place = whole.index(name) + 5
    damaged = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
    with pytest.raises(ImageError):
        decode(damaged)


PLACES = (bytes([0, 0, 0, place]) for place in (74, 80, 88, 108))
MAKE, RESOLUTION, DATE, MORE = zip((271, 282, 306, 34665), (2, 5, 2, 4), (6, 1, 20, 1), PLACES, strict=True)
HELD = exif_of(MAKE, (274, 3, 1, 6), RESOLUTION, DATE, MORE, order=">") + b"Maker\0" + struct.pack(">II", 72, 1)
HELD += b"2020:01:01 00:00:00\0" + struct.pack(">H", 1) + bytes(16)
ENTRY = range(22, 34)  # bytes that say the orientation; those that lead to it are the first ten


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_exif_leaves_the_pixels_intact(data):
    exif, spared = bytearray(HELD), data.draw(st.booleans())
    places = [place for place in range(len(HELD)) if not spared or (place >= 10 and place not in ENTRY)]
    for place in data.draw(st.lists(st.sampled_from(places), max_size=20)):
        exif[place] = data.draw(st.integers(0, 255))
    del exif[data.draw(st.integers(ENTRY.stop if spared else 0, len(HELD))) :]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        image, done = decode(jpeg_with((b"\xe1", b"Exif\0\0" + exif)))
    plain = Image.fromarray(JPEG_PIXELS)
    turns = [np.array(plain.transpose(turn)) for turn in Image.Transpose]
    if spared:
        turns = [np.rot90(JPEG_PIXELS, -1)]
    assert any(np.array_equal(image, turn) for turn in turns) == (done == SAID)
    assert done == SAID or (np.array_equal(image, JPEG_PIXELS) and not spared)


def test_a_bmp_with_16_bits_per_pixel_is_read():
    red, green, blue = (RGB[..., channel].astype(int) >> shift for channel, shift in enumerate((3, 2, 3)))
    rows = (red << 11 | green << 5 | blue).astype("<u2")[::-1]
    padded = np.pad(rows, ((0, 0), (0, 1))).tobytes()  # to whole groups of four bytes
    masks = struct.pack("<III", 0xF800, 0x7E0, 0x1F)
    head = struct.pack("<IiiHHIIiiII", 40, 9, 6, 1, 16, 3, len(padded), 0, 0, 0, 0) + masks
    content = b"BM" + struct.pack("<IHHI", 14 + len(head) + len(padded), 0, 0, 14 + len(head)) + head + padded
    image, done = decode(content)
    levels = (31, 63, 31)
    assert np.array_equal(image, np.stack([p * 255 // n for p, n in zip((red, green, blue), levels, strict=True)], -1))
    assert done == ()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not an image"),
        (b"<html>not found</html>", "not an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image"),
        (encoded(RGB, "ICO"), "not an image of a supported format"),
        (encoded(np.zeros((1, 9), np.uint8)), "one pixel high or wide"),
        (encoded(np.zeros((1, 1, 3), np.uint8)), "one pixel high or wide"),
        (encoded(np.zeros((4, 4), np.uint16)), "more than 8 bits a channel"),
        (encoded(np.zeros((4, 4), np.uint16), "TIFF"), "more than 8 bits a channel"),
        (encoded(np.zeros((4, 4), np.float32), "TIFF"), "more than 8 bits a channel"),
        (png(4, 4, 16, 2, bytes(4 * 25)), "more than 8 bits a channel"),
        (png(4, 4, 16, 6, bytes(4 * 33)), "more than 8 bits a channel"),
        (b"P6\n4 4\n65535\n" + bytes(96), "more than 8 bits a channel"),
        (encoded(Image.new("LAB", (4, 4)), "TIFF"), "colours in LAB"),
        (
            encoded(RGB, "GIF", save_all=True, append_images=[Image.new("RGB", (9, 6))]),
            "animated, or with several pages",
        ),
        (encoded(RGB, "WEBP", save_all=True, append_images=[Image.new("RGB", (9, 6))]), "animated"),
        (encoded(RGB, "PNG", save_all=True, append_images=[Image.new("RGB", (9, 6))]), "animated"),
        (encoded(RGB, "TIFF", save_all=True, append_images=[Image.new("RGB", (9, 6))]), "with several pages"),
        (png(10_000, 10_000, 8, 2, b""), "more than 64 million pixels"),
        (png(60_000, 60_000, 1, 0, b""), "more than 64 million pixels"),
    ],
    ids=lambda value: "file" if isinstance(value, bytes) else None,
)
def test_unsupported_files_are_refused_with_a_reason(content, words):
    with pytest.raises(ImageError, match=words):
        decode(content)


def test_pages_of_a_tiff_are_not_counted():
    """PIL compares each page with all pages before it: 200,000 pages, 4 MB, took minutes."""
    starts = [8 + 18 * number for number in range(100_000)]
    width_alone = [struct.pack("<HHHIII", 1, 256, 3, 1, 4, start) for start in [*starts[2:], 0]]
    whole = [(256, 4), (257, 4), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, 4), (279, 16)]
    entries = b"".join(struct.pack("<HHII", tag, 3, 1, value) for tag, value in whole)
    pages = b"".join(width_alone)
    head = struct.pack("<2sHI", b"II", 42, 8 + len(pages)) + pages
    content = head + struct.pack("<H", len(whole)) + entries + struct.pack("<I", 8)
    start = time.process_time()
    with pytest.raises(ImageError, match="animated, or with several pages"):
        decode(content)
    assert time.process_time() - start < 2


def test_scans_of_a_jpeg_are_counted():
    """Each scan takes a hundred bytes and decodes all pixels: a file of 1 MB took 15 minutes."""
    whole = encoded(np.tile(RGB, (20, 20, 1)), "JPEG", progressive=True, exif=b"Exif\0\0" + b"\xff\xda" * 200)
    scan = whole[whole.rindex(b"\xff\xc4") : -2]
    appended = scan * 200  # as the film of a moving photograph
    for times in (0, 90):
        content = whole[:-2] + scan * times + whole[-2:] + appended
        assert decode(content)[0].shape == (120, 180, 3)
    with pytest.raises(ImageError, match="more than 100 scans"):
        decode(whole[:-2] + scan * 91 + whole[-2:])


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from(["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP"]))
def test_a_truncated_file_is_never_read_as_an_image(data, kind):
    pixels = np.random.default_rng(1).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    whole = encoded(pixels, kind)
    cut = data.draw(st.integers(0, len(whole) * 9 // 10))
    with pytest.raises(ImageError, match="not an image|damaged or cut short"):
        decode(whole[:cut])


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from(["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM"]))
def test_a_damaged_file_is_an_image_or_an_error(data, kind):
    whole = bytearray(encoded(np.random.default_rng(1).integers(0, 256, (16, 16, 3), dtype=np.uint8), kind))
    for place in data.draw(st.lists(st.integers(0, len(whole) - 1), min_size=1, max_size=8)):
        whole[place] = data.draw(st.integers(0, 255))
    try:
        image, _ = decode(bytes(whole))
    except ImageError:
        return
    assert image.dtype == np.uint8
    assert image.shape[2] == 3


def test_special_or_large_files_are_refused(tmp_path, monkeypatch):
    with pytest.raises(ImageError, match="missing"):
        decoding.read(tmp_path / "nowhere")
    with pytest.raises(ImageError, match="not a regular file"):
        decoding.read(tmp_path)
    monkeypatch.setattr(decoding, "MAX_BYTES", 1 << 20)
    (tmp_path / "large").write_bytes(bytes((1 << 20) + 1))
    with pytest.raises(ImageError, match="larger than 1 MiB"):
        decoding.read(tmp_path / "large")


def test_two_manifests_of_one_dataset_list_the_same_images(tmp_path):
    hashes = pa.array([bytes(32), bytes([1] * 32)], pa.binary(32))
    one = pa.table({"id": [0, 1], "image_sha256": hashes, "location": ["a", "b"]})
    require_same(one, one.set_column(2, "location", [["c", "d"]]), "bundle.tar")
    for other in (one.set_column(0, "id", [[0, 2]]), one.slice(1), one.set_column(1, "image_sha256", hashes[::-1])):
        with pytest.raises(L2HError, match="the images here do not match those of bundle.tar, by id and sha256"):
            require_same(one, other, "bundle.tar")
