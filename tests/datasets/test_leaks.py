"""Copies that differ in bytes are found, and unrelated images are not taken for copies."""

import io
import logging

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from scipy.fft import dctn

from l2h import datasets
from l2h.datasets import leaks
from l2h.datasets.grey_thumbnails import thumbnail
from l2h.splits import Split
from l2h.store.results import NEAR_COPIES, read_rows, write_rows
from l2h.store.splits import SPLIT


def scene(number, size=64):
    """A simulated photograph: smooth light, and a few shapes with edges."""
    rng = np.random.default_rng(number)
    light = Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8))
    image = light.resize((size, size), Image.Resampling.BICUBIC)
    for _ in range(6):
        left, top = rng.integers(0, size * 3 // 4, 2)
        width, height = rng.integers(size // 8, size // 2, 2)
        image.paste(tuple(map(int, rng.integers(0, 256, 3))), (left, top, left + width, top + height))
    return image


def as_jpeg(image, quality):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file)


def flipped(image):
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


COPIES = {
    "jpeg": lambda image: as_jpeg(image, 50),
    "grey": lambda image: image.convert("L").convert("RGB"),
    "half": lambda image: image.resize((32, 32), Image.Resampling.BICUBIC),
    "wide": lambda image: image.resize((150, 90), Image.Resampling.LANCZOS),
    "flip": flipped,
    "flip, small, jpeg": lambda image: as_jpeg(flipped(image).resize((40, 40)), 75),
}


def matches(queries, others):
    thumbnails = [np.stack([thumbnail(np.asarray(image)) for image in images]) for images in (queries, others)]
    return [match for found in leaks.near_copies(*thumbnails) for match in found]


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_is_found_among_others(name):
    queries = [scene(number) for number in range(20)]
    others = [scene(number) for number in range(100, 200)]
    others[30:50] = [COPIES[name](image) for image in queries]
    found = matches(queries, others)
    assert [(match.query, match.other, match.flipped) for match in found] == [
        (number, 30 + number, "flip" in name) for number in range(20)
    ]
    assert all(leaks.SIMILARITY <= match.similarity <= 1 + 1e-6 for match in found)


def test_unrelated_images_are_not_copies():
    assert matches([scene(number) for number in range(100)], [scene(number) for number in range(100, 400)]) == []


def test_copies_of_real_photographs_are_found(shared_data):
    """Images of CIFAR-10 without near copies, checked by eye."""
    file = pq.ParquetFile(shared_data / "cifar10_jpeg.parquet")
    jpegs = file.read_row_group(0, columns=["jpeg"])["jpeg"].to_pylist()[:1000]
    photographs = [Image.open(io.BytesIO(jpeg)) for jpeg in jpegs]
    queries = photographs[:100]
    copies = [as_jpeg(flipped(image).resize((48, 48), Image.Resampling.BICUBIC), 75) for image in queries]
    found = matches(queries, photographs[100:] + copies)
    assert [(match.query, match.other) for match in found] == [(number, 900 + number) for number in range(100)]


def test_digits_are_rarely_mistaken_for_copies():
    images, _ = datasets.registry.get("digits")(None).load()
    assert len(matches(images[:300], images[300:])) <= 3  # of 450,000 pairs


def test_flat_images_are_not_compared():
    flat = [Image.new("RGB", (20, 20), colour) for colour in ("white", "black", "white")]
    assert matches(flat, flat) == []


def test_only_the_best_of_many_matches_are_kept():
    query = scene(0)
    others = [as_jpeg(query, quality) for quality in range(60, 90)] + [query]
    found = matches([query], others)
    assert len(found) == leaks.MATCHES
    assert found[0].other == 30
    assert [match.similarity for match in found] == sorted((match.similarity for match in found), reverse=True)


def test_similarity_is_the_cosine_of_the_low_frequencies():
    rng = np.random.default_rng(0)
    others = rng.integers(20, 230, (5, 16, 16), dtype=np.uint8)
    queries = (others + rng.integers(-4, 5, others.shape)).astype(np.uint8)

    def frequencies(thumbnails):
        found = dctn(thumbnails.astype(float), axes=(1, 2), norm="ortho")[:, :12, :12].copy()
        found[:, 0, 0] = 0
        found = found.reshape(5, -1)
        return found / np.linalg.norm(found, axis=1, keepdims=True)

    expected = (frequencies(queries) * frequencies(others)).sum(axis=1)
    found = [match for some in leaks.near_copies(queries, others) for match in some]
    assert [(match.query, match.other) for match in found] == [(row, row) for row in range(5)]
    assert np.allclose([match.similarity for match in found], expected, atol=1e-5)
    assert max(expected) < 0.9999


def test_both_ids_and_locations_are_reported(tmp_path, caplog):
    images = [scene(0), scene(1), scene(2), as_jpeg(flipped(scene(0)), 80), scene(3)]
    roles = [(10, "query"), (20, "query"), (30, "train"), (40, "train"), (40, "database"), (50, "database")]
    table = pa.Table.from_pylist(
        [{"id": i, "role": role, "image_sha256": bytes([i] * 32), "labels": [0]} for i, role in roles],
        schema=SPLIT,
    )
    ids = [10, 20, 30, 40, 50]
    manifest = pa.table({"id": ids, "location": [f"root/{number}.jpg" for number in ids]})
    thumbnails = np.stack([thumbnail(np.asarray(image)) for image in images])
    caplog.set_level(logging.INFO, "l2h")
    rows = leaks.warn_of_near_copies(Split(table, "p", 0), manifest, thumbnails)
    write_rows(tmp_path / "n.parquet", rows, NEAR_COPIES)
    (row,) = read_rows(tmp_path / "n.parquet", NEAR_COPIES).to_pylist()
    assert row.pop("similarity") > leaks.SIMILARITY
    places = {"query_location": "root/10.jpg", "location": "root/40.jpg"}
    assert row == {"query_id": 10, "id": 40, **places, "flipped": True}
    assert "1 queries have near copies in train or database" in caplog.text
    assert "query 10 (root/10.jpg) and 40 (root/40.jpg)" in caplog.text
