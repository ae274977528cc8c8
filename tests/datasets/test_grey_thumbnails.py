"""Thumbnails match the image store, and belong to one manifest."""

import numpy as np
import pytest
from PIL import Image

from l2h import datasets
from l2h.datasets import grey_thumbnails
from l2h.errors import L2HError
from l2h.store.manifests import read_manifest
from l2h.store.thumbnails import read_thumbnails, write_thumbnails


@pytest.fixture(params=["digits", "image_list"])
def prepared(request, tmp_path):
    """A dataset of an array, and one of image files: its prepared folder, and its manifest."""
    params = {}
    if request.param == "image_list":
        params = {"root": str(tmp_path / "root")}
        for number in range(6):
            (tmp_path / f"root/{number % 2}").mkdir(parents=True, exist_ok=True)
            pixels = np.random.default_rng(number).integers(0, 256, (20 + number, 30, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / f"root/{number % 2}/{number}.png")
    dataset = datasets.make(request.param, None, **params)
    dataset.prepare(tmp_path / "images", tmp_path / "manifest.parquet")
    return dataset, tmp_path, read_manifest(tmp_path / "manifest.parquet")


def test_a_dataset_s_thumbnails_match_its_image_store(prepared):
    dataset, folder, manifest = prepared
    thumbnails = np.stack(list(dataset.thumbnails))
    assert thumbnails.shape == (len(manifest), 16, 16)
    assert np.array_equal(thumbnails, grey_thumbnails.of_store(folder / "images", manifest))


def test_a_thumbnail_is_the_whole_image_in_grey():
    image = np.zeros((64, 32, 3), np.uint8)
    image[:32] = 255, 0, 0
    found = grey_thumbnails.thumbnail(image)
    assert found.dtype == np.uint8
    assert np.unique(found[:7]).tolist() == [76]  # 0.299 of 255
    assert not found[9:].any()


def test_thumbnails_are_read_back_for_one_manifest(prepared):
    dataset, folder, manifest = prepared
    thumbnails = list(dataset.thumbnails)
    path = folder / "thumbnails.parquet"
    write_thumbnails(path, manifest, thumbnails)
    assert np.array_equal(read_thumbnails(path, manifest), np.stack(thumbnails))
    with pytest.raises(L2HError, match=r"thumbnails.parquet does not match the manifest: .*; delete it and run again"):
        read_thumbnails(path, manifest[:-1])
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(L2HError, match=r"thumbnails.parquet is damaged"):
        read_thumbnails(path, manifest)
