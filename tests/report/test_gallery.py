"""The report's gallery, from small codes and images."""

import base64
import re
from io import BytesIO

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from l2h import codes
from l2h.errors import L2HError
from l2h.report import gallery
from l2h.report.thumbnails import SIDE, plot, thumbnail
from l2h.splits import Split
from l2h.store.results import NEAR_COPIES, read_gallery, write_gallery
from l2h.store.splits import SPLIT

QUERIES, DATABASE = np.array([3, 5, 8]), np.delete(np.arange(40), [3, 5, 8])
BITS = 6


def make_split(labels_of):
    roles = [*((number, "query") for number in QUERIES), *((number, "database") for number in DATABASE)]
    table = {
        "id": [int(number) for number, _ in roles],
        "role": [role for _, role in roles],
        "image_sha256": pa.array([bytes([number] * 32) for number, _ in roles], pa.binary(32)),
        "labels": pa.array([labels_of(int(number)) for number, _ in roles], pa.list_(pa.int32())),
    }
    return Split(pa.table(table, schema=SPLIT), "p", 0)


@pytest.fixture
def split():
    return make_split(lambda number: [number % 3])


@pytest.fixture
def bits():
    """The bits of each id; ids that are equal modulo 4 have one code."""
    return np.random.default_rng(0).random((4, BITS))[np.arange(40) % 4] > 0.5


def cell(bits, average_precision=(0.2, 0.9, 0.5), variant="itq"):
    figures = {"distinct_codes": 4.0}
    ap = np.array(average_precision)
    return gallery.GalleryEntry(variant, BITS, 0, ap, figures, lambda ids: codes.pack(bits[ids]))


def read_images(ids):
    return [np.full((8, 8), number, np.uint8) for number in ids]


NEAR = NEAR_COPIES.empty_table()


def image_of(uri):
    kind, content = re.fullmatch(r"data:image/(\w+);base64,(.*)", uri).groups()
    image = Image.open(BytesIO(base64.b64decode(content)))
    assert image.format.lower() == kind
    return image


def test_the_first_results_are_nearest_with_ties_by_id(split, bits):
    found = gallery.answers(split, cell(bits), QUERIES[[2, 0]], codes.pack(bits[DATABASE]))
    for number, answer in zip((8, 3), found, strict=True):
        order = sorted(DATABASE.tolist(), key=lambda other: ((bits[other] != bits[number]).sum(), other))
        distance = [int((bits[other] != bits[number]).sum()) for other in order]
        assert [hit["id"] for hit in answer["hits"]] == order[:10]
        assert [hit["distance"] for hit in answer["hits"]] == distance[:10]
        assert [hit["relevant"] for hit in answer["hits"]] == [other % 3 == number % 3 for other in order[:10]]
        group = [other for other, far in zip(order, distance, strict=True) if far == distance[9]]
        assert answer["last"] == {
            "distance": distance[9],
            "shown": len(set(order[:10]) & set(group)),
            "size": len(group),
            "relevant": sum(other % 3 == number % 3 for other in group),
        }
        assert answer["last"]["shown"] < len(group)
    assert [answer["average_precision"] for answer in found] == [0.5, 0.2]


def test_a_database_smaller_than_the_first_results_is_shown_whole(bits):
    ids = DATABASE[:4]
    table = make_split(lambda number: [0]).table.filter(
        pa.compute.is_in(pa.compute.field("id"), pa.array([*QUERIES, *ids]))
    )
    (answer,) = gallery.answers(Split(table, "p", 0), cell(bits), QUERIES[:1], codes.pack(bits[ids]))
    assert sorted(hit["id"] for hit in answer["hits"]) == ids.tolist()


def test_queries_are_selected_by_the_best_method(split, bits):
    seen = gallery.gallery(split, [cell(bits), cell(~bits, (0.9, 0.9, 0.3), "sh")], NEAR, read_images, [8, 5])
    assert seen["judge"] == "sh"
    why = {query["id"]: query["why"] for query in seen["queries"]}
    assert why == {3: "best", 5: "median, chosen in the config", 8: "worst, chosen in the config"}
    assert [[answer["variant"] for answer in query["answers"]] for query in seen["queries"]] == [["itq", "sh"]] * 3
    shown = {hit["id"] for query in seen["queries"] for answer in query["answers"] for hit in answer["hits"]}
    assert set(map(int, seen["images"])) == shown | set(QUERIES.tolist())
    assert image_of(seen["images"]["8"]["image"]).getpixel((0, 0)) == 8
    assert seen["images"]["8"]["labels"] == [2]


def test_selected_ids_must_be_queries(split, bits):
    with pytest.raises(L2HError, match=r"config key datasets: look names 4, 99, but no query .* are 3, 5, 8 ..."):
        gallery.gallery(split, [cell(bits)], NEAR, read_images, [3, 99, 4])


def test_codes_are_drawn_bit_by_bit(split, bits):
    labels, sample = gallery.sample_of_labels(split)
    assert labels == [0, 1, 2]
    assert all((DATABASE[rows] % 3 == label).all() for label, rows in zip(labels, sample, strict=True))
    database = bits[DATABASE]
    shown = gallery.images_of_codes(cell(bits), codes.pack(database), sample)
    for rows, uri in zip(sample, shown["by_label"], strict=True):
        assert np.array_equal(np.asarray(image_of(uri)) == 0, database[rows])
    share = 1 - np.asarray(image_of(shown["share"]))[0] / 255
    assert share == pytest.approx(database.mean(axis=0), abs=1 / 255)
    black = 255 - np.asarray(image_of(shown["correlation"])).astype(float)
    for one in range(BITS):
        for other in range(BITS):
            pair = database[:, [one, other]]
            varied = (pair.any(axis=0) & ~pair.all(axis=0)).all()
            r = abs(np.corrcoef(pair.T.astype(float))[0, 1]) if varied else 0
            assert black[one, other] == pytest.approx(255 * r, abs=1)
    assert shown["figures"] == {"distinct_codes": 4}


def test_the_most_frequent_labels_are_shown(bits):
    several = make_split(lambda number: [0, 1 + number % 13] if number < 26 else [])
    labels, sample = gallery.sample_of_labels(several)
    assert len(labels) == gallery.LABELS
    assert labels == sorted(labels)
    assert len(sample[0]) == gallery.SAMPLE
    assert (DATABASE[sample[0]] < 26).all()
    seen = gallery.gallery(several, [cell(bits)], NEAR, read_images)
    assert seen["images"]["8"]["labels"] == [0, 9]


def test_labels_may_be_large_numbers(bits):
    large = make_split(lambda number: [2**31 - 1 if number % 2 else 81_312] + [5] * (number == 9))
    labels, sample = gallery.sample_of_labels(large)
    assert labels == [5, 81_312, 2**31 - 1]
    assert DATABASE[sample[0]].tolist() == [9]
    seen = gallery.gallery(large, [cell(bits)], NEAR, read_images)
    assert seen["images"]["3"]["labels"] == [2**31 - 1]


def test_near_copies_are_counted_and_the_first_shown(split, bits):
    rows = [
        {"query_id": 3, "id": number, "query_location": "", "location": "", "similarity": 0.999, "flipped": True}
        for number in range(20, 28)
    ]
    near = pa.Table.from_pylist(rows, schema=NEAR_COPIES)
    seen = gallery.gallery(split, [cell(bits)], near, read_images)
    assert (seen["near_copies"]["queries"], seen["near_copies"]["pairs"]) == (1, 8)
    assert [pair["id"] for pair in seen["near_copies"]["shown"]] == [20, 21, 22, 23, 24]
    assert {"20", "24"} <= set(seen["images"])


def test_only_large_images_are_reduced():
    small = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    assert np.array_equal(np.asarray(image_of(thumbnail(small))), small)
    large = image_of(thumbnail(np.zeros((400, 200, 3), np.uint8)))
    assert (large.format, large.size) == ("JPEG", (SIDE // 2, SIDE))
    assert np.asarray(image_of(plot(np.array([[0, 0.5, 1]])))).tolist() == [[255, 128, 0]]


def test_a_damaged_gallery_is_refused(split, bits, tmp_path):
    path = tmp_path / "gallery.json"
    place = {"dataset": "d", "protocol": "p", "backbone": "b"}
    write_gallery(path, {**place, **gallery.gallery(split, [cell(bits)], NEAR, read_images)})
    assert read_gallery(path)["images"]["3"]["labels"] == [0]
    path.write_text(path.read_text()[:-9])
    with pytest.raises(L2HError, match=r"gallery.json is damaged or cut short .*; delete it and run again"):
        read_gallery(path)
    path.write_text('{"queries": []}')
    with pytest.raises(L2HError, match=r"gallery.json is not a gallery"):
        read_gallery(path)
