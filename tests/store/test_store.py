"""Files: round trips, atomic writing, and one clear line for every damaged or foreign file."""

import errno
import json
import pickle
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cell import CELL, KEY
from l2h import codes
from l2h.errors import L2HError
from l2h.notes import Note
from l2h.ranking import RankedRelevance, RankHistogram
from l2h.splits import Split
from l2h.store import manifests, splits
from l2h.store.cells import cell_key, cell_keys, cells_not_run, in_order
from l2h.store.codes import read_codes, write_codes
from l2h.store.features import feature_bits, iter_features, read_features, weights_name, write_features
from l2h.store.files import atomic, write_checksum
from l2h.store.manifests import MANIFEST, read_classes, read_manifest, read_notes, write_manifest
from l2h.store.models import read_model, write_checkpoint, write_model
from l2h.store.rankings import iter_rankings, ranking_writer
from l2h.store.results import iter_metrics, iter_queries, write_gallery, write_metrics, write_queries
from l2h.store.splits import SPLIT, read_split, write_split
from l2h.store.tables import read_metadata


def feature_batches(dtype=np.float32):
    rng = np.random.default_rng(0)
    for start in (0, 3, 6):
        yield np.arange(start, start + 3), rng.normal(size=(3, 5)).astype(dtype)


def write_ranking(path, *rankings, not_run=()):
    """Rankings of queries 4 and 5, one cell each."""
    with ranking_writer(path, not_run) as write:
        for seed, ranking in enumerate(rankings):
            write({**CELL, "seed": seed}, np.array([4, 5]), ranking)


@pytest.fixture
def files(tmp_path):
    """One file of each kind, and its reader."""
    rng = np.random.default_rng(0)
    write_features(tmp_path / "features.parquet", feature_batches(), "float32", {"dataset": "d"})
    packed = codes.pack(rng.random((6, 11)) < 0.5)
    write_codes(tmp_path / "codes.parquet", [(np.arange(6), packed)], KEY)
    h = RankHistogram(np.full((2, 12), 3), np.full((2, 12), 1), "digest")
    write_ranking(tmp_path / "histograms.parquet", h)
    relevant = codes.pack(rng.random((2, 13)) < 0.5)
    ranking = RankedRelevance(relevant, np.zeros_like(relevant), 13)
    write_ranking(tmp_path / "relevance.parquet", ranking)
    row = {"metric": "map", "k": None, "ties": "best", "normalise": "relevant", "value": 0.5}
    write_metrics(tmp_path / "metrics.parquet", [(CELL, [row])], [])
    return {
        tmp_path / "features.parquet": lambda path: list(iter_features(path)),
        tmp_path / "codes.parquet": lambda path: read_codes(path, np.arange(6)),
        tmp_path / "histograms.parquet": lambda path: list(iter_rankings(path)),
        tmp_path / "relevance.parquet": lambda path: list(iter_rankings(path)),
        tmp_path / "metrics.parquet": lambda path: list(iter_metrics(path)),
    }


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_features_are_read_in_any_order(tmp_path, dtype):
    path = tmp_path / "f.parquet"
    write_features(path, feature_batches(), dtype, {"dataset": "digits"})
    assert pq.ParquetFile(path).num_row_groups == 3
    assert pq.read_schema(path).field("feature").type == pa.list_(getattr(pa, dtype)(), 5)
    assert read_metadata(path) == {"dataset": "digits"}
    everything = np.concatenate([features for _, features in feature_batches()])
    wanted = np.array([7, 0, 4])
    result = read_features(path, wanted)
    assert result.dtype == np.float32
    assert np.allclose(result, everything[wanted], atol=1e-6 if dtype == "float32" else 1e-2)
    assert np.array_equal(np.concatenate([ids for ids, _ in iter_features(path)]), np.arange(9))


def test_a_checksum_file_is_what_sha256sum_writes(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"abc")
    write_checksum(tmp_path / "a.bin", tmp_path / "a.bin.sha256")
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert (tmp_path / "a.bin.sha256").read_text() == f"{digest}  a.bin\n"


def test_labels_of_version_0_1_0_are_read(tmp_path, monkeypatch):
    """Released bundles hold them, and digests fix their bytes."""
    manifest, path = tmp_path / "manifest.parquet", tmp_path / "split.parquet"
    with monkeypatch.context() as patch:
        patch.setattr(manifests, "MANIFEST", narrowed(MANIFEST))
        patch.setattr(splits, "SPLIT", narrowed(SPLIT))
        write_manifest(manifest, [bytes(32), bytes(32)], [[7], [32_767, 0]], ["a", "b"])
        rows = pq.read_table(manifest).select(["id", "image_sha256", "labels"])
        split = Split(rows.add_column(1, "role", pa.array(["query", "train"])), "p", 0)
        write_split(path, split)
    assert pq.read_schema(path).field("labels").type == pa.list_(pa.int16())
    assert read_manifest(manifest)["labels"].to_pylist() == [[7], [32_767, 0]]
    assert read_split(path).table.schema.field("labels").type == pa.list_(pa.int32())
    assert read_split(path).sha256 == split.sha256


def narrowed(schema):
    return schema.set(schema.get_field_index("labels"), pa.field("labels", pa.list_(pa.int16())))


def test_missing_ids_are_named(files):
    path = next(iter(files))
    with pytest.raises(L2HError, match=r"no features for ids \[99\]"):
        read_features(path, np.array([1, 99]))


def test_features_that_are_not_finite_are_refused(tmp_path):
    bad = np.ones((3, 2))
    bad[1, 1] = np.nan  # one value of a row is enough
    with pytest.raises(L2HError, match=r"1 images are not finite in float32 \(ids \[8\]"):
        write_features(tmp_path / "f.parquet", [(np.arange(7, 10), bad)], "float32", {})
    with pytest.raises(L2HError, match="not finite in float16"):
        write_features(tmp_path / "f.parquet", [(np.arange(3), np.full((3, 2), 1e6))], "float16", {})
    assert list(tmp_path.iterdir()) == []


def test_underflow_and_overflow_are_refused(tmp_path):
    small = np.full((3, 4), 1e-3)
    small[1] = 1e-9
    words = r"f.parquet: features of 1 images are too small and all become 0 in float16 \(ids \[8\] ...\); .*: float32"
    with pytest.raises(L2HError, match=words):
        write_features(tmp_path / "f.parquet", [(np.arange(7, 10), small)], "float16", {})
    assert list(tmp_path.iterdir()) == []
    write_features(tmp_path / "f.parquet", [(np.arange(7, 10), small)], "float32", {})
    small[1] = 0  # as they are, and not by float16
    write_features(tmp_path / "f.parquet", [(np.arange(7, 10), small)], "float16", {})


@pytest.mark.parametrize(("lost", "warned"), [(0, False), (9, False), (10, True), (400, True)])
def test_partial_underflow_is_warned_of(lost, warned, tmp_path, caplog):
    features = np.zeros((2, 1000))
    features[:, 500:] = 1e-7  # which float16 has, by its last bit
    features[:, 999] = 1
    features.ravel()[np.flatnonzero(features)[:lost]] = 2e-8
    batches = [(np.array([row]), features[row : row + 1]) for row in (0, 1)]  # counted over all batches
    write_features(tmp_path / "f.parquet", batches, "float16", {})
    share = f"f.parquet: {lost / 10:.0f}% of the nonzero features are too small for float16 and become 0"
    assert (share in caplog.text) == warned
    assert bool(caplog.records) == warned


def test_codes_and_histograms_are_read_back(files):
    paths = {path.name: path for path in files}
    packed = read_codes(paths["codes.parquet"], np.array([5, 0, 2]))
    assert np.array_equal(packed, codes.pack(np.random.default_rng(0).random((6, 11)) < 0.5)[[5, 0, 2]])
    metadata = read_metadata(paths["codes.parquet"], "bits")
    assert cell_key(metadata) == {**KEY, "bits": 11, "seed": 0}
    ((key, queries, h),) = iter_rankings(paths["histograms.parquet"])
    assert key == CELL
    assert queries.tolist() == [4, 5]
    assert h.queries == "digest"
    assert (h.total == 3).all()
    assert (h.relevant == 1).all()


def test_only_row_groups_with_a_wanted_code_are_read(tmp_path, monkeypatch):
    path = tmp_path / "c.parquet"
    packed = np.arange(12, dtype=np.uint8)[:, None]
    ids = np.array([3, 1, 2, 20, 28, 24, 31, 30, 39, 40, 41, 42])
    write_codes(path, ((ids[i : i + 3], packed[i : i + 3]) for i in (0, 3, 6, 9)), {"bits": "8"})
    groups = []
    read = pq.ParquetFile.read_row_group
    monkeypatch.setattr(pq.ParquetFile, "read_row_group", lambda *args: groups.append(args[1:]) or read(*args))
    assert read_codes(path, np.array([42, 28, 20])).ravel().tolist() == [11, 4, 3]
    assert [group for group, *columns in groups if not columns] == [1, 3]
    with pytest.raises(L2HError, match=r"no codes for ids \[4, 99\]"):
        read_codes(path, np.array([99, 42, 4])[::-1])


def test_empty_rankings_are_read_back(tmp_path):
    """A database that was trained on as a whole has no unseen part."""
    nothing = np.zeros((2, 0), np.uint8)
    empty = RankedRelevance(nothing, nothing, 0)
    histogram = RankHistogram(np.zeros((2, CELL["bits"] + 1), int), np.zeros((2, CELL["bits"] + 1), int))
    for name, ranking in (("relevance", empty), ("histograms", histogram)):
        with ranking_writer(tmp_path / name) as write:
            write(CELL, np.array([4, 5]), ranking)
        ((_, ids, found),) = iter_rankings(tmp_path / name)
        assert ids.tolist() == [4, 5]
        assert found.empty
        assert len(found.relevant) == 2


def test_rankings_by_scores_are_read_back(files):
    (path,) = (path for path in files if path.name == "relevance.parquet")
    ((key, queries, h),) = iter_rankings(path)
    assert isinstance(h, RankedRelevance)
    assert queries.tolist() == [4, 5]
    assert h.items == 13
    assert h.relevant.shape == h.tied.shape == (2, 2)
    assert h.relevant.any()
    assert not h.tied.any()
    assert key == CELL
    table = pq.read_table(path)
    place = table.column_names.index("items")
    for items, words in (
        ([99, 99], r"relevant is uint8 of shape \(queries, 13\)"),
        ([9, 9], "bits beyond the 9 items"),
        ([13, 12], "is not a ranking of 13 items: its queries are ranked against databases of different sizes"),
    ):
        pq.write_table(table.set_column(place, table.schema.field(place), pa.array(items)), path)
        with pytest.raises(L2HError, match=words):
            list(iter_rankings(path))


def test_cells_are_read_one_by_one(tmp_path):
    path, why = tmp_path / "r.parquet", {**CELL, "bits": "11", "seed": "7", "not_run": "too few images"}
    one, other = (RankHistogram(np.full((2, 12), n), np.full((2, 12), 1), f"digest {n}") for n in (3, 4))
    write_ranking(path, one, other, not_run=[why])
    assert pq.ParquetFile(path).num_row_groups == 2
    found = list(iter_rankings(path))
    assert [(key["seed"], h.total.max(), h.queries) for key, _, h in found] == [(0, 3, "digest 3"), (1, 4, "digest 4")]
    assert cell_keys(path) == [key for key, _, _ in found]
    assert cells_not_run(path) == [why]


@pytest.mark.parametrize("part", ["histogram", "queries"])
def test_a_file_without_cells_has_the_reason(part, tmp_path):
    path, why = tmp_path / "r.parquet", {**CELL, "not_run": "too few images"}
    if part == "queries":
        write_queries(path, [], [why])
        assert list(iter_queries(path)) == []
    else:
        write_ranking(path, not_run=[why])
        assert list(iter_rankings(path)) == []
    assert (cell_keys(path), cells_not_run(path)) == ([], [why])


def test_row_groups_with_several_cells_are_refused(files):
    path = next(path for path in files if path.name == "metrics.parquet")
    table = pq.read_table(path)
    other = table.set_column(8, table.schema.field(8), pa.array([1]))
    pq.write_table(pa.concat_tables([table, other]), path)
    for read in (cell_keys, lambda path: list(iter_metrics(path))):
        with pytest.raises(L2HError, match="has rows of several cells in one row group"):
            read(path)


def test_cells_are_sorted_like_the_config():
    order = {"setting": [["d", "q"], ["d", "p"]], "variant": ["b", "a"], "bits": [16, 8], "seed": [1, 0]}
    keys = [
        {"dataset": "d", "protocol": protocol, "variant": variant, "bits": bits, "seed": seed}
        for protocol in ("p", "q")
        for variant, bits, seed in (("a", 8, 0), ("b", 8, 0), ("b", 8, 1), ("b", 16, 0), ("b", 4096, 0))
    ]
    found = in_order([[(key, None) for key in keys[:5]], [(key, None) for key in keys[5:]]], order)
    assert [tuple(key.values())[1:] for key, _ in found] == [
        (protocol, *rest)
        for protocol in ("q", "p")
        for rest in (("b", 16, 0), ("b", 8, 1), ("b", 8, 0), ("b", 4096, 0), ("a", 8, 0))
    ]


def test_features_record_their_size_and_weights(tmp_path):
    for dtype, bits in (("float32", 160), ("float16", 80)):
        made_of = {"weights": "w", "weights_sha256": "0123456789abcdef"}
        write_features(tmp_path / "f.parquet", feature_batches(), dtype, made_of)
        assert feature_bits(tmp_path / "f.parquet") == bits
        assert weights_name(tmp_path / "f.parquet") == "w@0123456789ab"


def test_damage_of_any_kind_is_one_line(files):
    for path, read in files.items():
        whole = path.read_bytes()
        for damaged in (whole[: len(whole) // 2], whole[:-1], b"", whole[1:]):
            path.write_bytes(damaged)
            with pytest.raises(L2HError) as caught:
                read(path)
            assert str(path) in str(caught.value)
            assert "\n" not in str(caught.value)
        path.unlink()
        with pytest.raises(L2HError, match="does not exist"):
            read(path)


def known(path, read):
    """Everything that a reader returns, in a comparable form."""
    return pickle.dumps((read(path), sorted(read_metadata(path).items())))


def test_a_flipped_bit_is_refused_or_harmless(files):
    """In every 13th byte, so several per page and header; fewer in the footer, which has one seal."""
    for path, read in files.items():
        whole = path.read_bytes()
        footer = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
        places = [*range(0, footer, 13), *range(footer, len(whole) - 8, 29), *range(len(whole) - 8, len(whole))]
        expected, refused = known(path, read), []
        for place in places:
            path.write_bytes(flipped(whole, 8 * place + place % 8))
            try:
                assert known(path, read) == expected, (path.name, place)
            except L2HError:
                refused.append(place)
        assert {place for place in places if place >= footer} <= set(refused)
        assert len(refused) > len(places) / 2  # not the seal's first words, or padding


def flipped(whole: bytes, bit: int) -> bytes:
    damaged = bytearray(whole)
    damaged[bit // 8] ^= 1 << bit % 8
    return bytes(damaged)


def test_a_flipped_bit_of_a_model_is_refused_or_harmless(tmp_path):
    description = {"method": "m", "params": {"bits": 8, "lr": 0.001}, "by_epoch": {9: 1, 10: 2}, "curve": [0.25, 1e-9]}
    write_model(tmp_path / "model", description, {"mean_": np.arange(5.0), "projection_": np.ones((5, 8))})
    expected = pickle.dumps(read_model(tmp_path / "model"))
    for path in (tmp_path / "model/model.json", tmp_path / "model/model.safetensors"):
        whole, refused = path.read_bytes(), 0
        for place in range(len(whole)):
            path.write_bytes(flipped(whole, 8 * place + place % 8))
            try:
                description, arrays = read_model(tmp_path / "model")
                assert "sha256" not in json.loads((tmp_path / "model/model.json").read_text()) or (
                    pickle.dumps((description, arrays)) == expected
                ), (path.name, place)
            except L2HError:
                refused += 1
        path.write_bytes(whole)
        assert refused > len(whole) / 2  # all but the spaces between words


def test_models_and_tables_without_a_seal_are_read(files, tmp_path):
    write_model(tmp_path / "model", {"method": "m"}, {"mean_": np.arange(5.0)})
    path = tmp_path / "model/model.json"
    path.write_text(json.dumps({"method": "of earlier"}))
    assert read_model(tmp_path / "model")[0] == {"method": "of earlier"}
    histograms = next(path for path in files if path.name == "histograms.parquet")
    pq.write_table(pq.read_table(histograms), histograms)
    assert [key for key, _, _ in iter_rankings(histograms)] == [CELL]


@pytest.mark.parametrize("classes", ["{", "[" * 100_000, '{"0": "cat"}', '["cat", 1]'])
def test_invalid_classes_are_one_line(classes, tmp_path):
    path = tmp_path / "manifest.parquet"
    pq.write_table(MANIFEST.with_metadata({"classes": classes}).empty_table(), path)
    with pytest.raises(L2HError, match=r"manifest.parquet has invalid classes, not a list of names; delete it"):
        read_classes(path)


NOTE = {"what": "x", "count": 1, "examples": ["a"], "more": False}
BAD_NOTES = ({"what": 1}, {"count": True}, {"count": -1}, {"examples": "abc"}, {"examples": [7]}, {"more": 0}, {"x": 1})


@pytest.mark.parametrize(
    "notes", ["{", "[" * 100_000, "3", '["x"]', *(json.dumps([{**NOTE, **bad}]) for bad in BAD_NOTES)]
)
def test_invalid_notes_are_one_line(notes, tmp_path):
    path = tmp_path / "manifest.parquet"
    pq.write_table(MANIFEST.with_metadata({"notes": json.dumps([NOTE])}).empty_table(), path)
    assert read_notes(path) == [Note("x", 1, ["a"])]
    pq.write_table(MANIFEST.with_metadata({"notes": notes}).empty_table(), path)
    with pytest.raises(L2HError, match=r"manifest.parquet has invalid notes; delete it"):
        read_notes(path)


def test_files_of_another_kind_are_refused(files):
    paths = list(files)
    for path, read in files.items():
        for other in paths:
            if other != path and {path.stem, other.stem} != {"histograms", "relevance"}:  # both are rankings
                with pytest.raises(L2HError, match="is no|lacks the metadata"):
                    read(other)


def test_a_histogram_of_another_length_is_refused(tmp_path):
    path = tmp_path / "h.parquet"
    h = RankHistogram(np.full((2, 9), 3), np.full((2, 9), 1))
    write_ranking(path, h)  # whose key says 11 bits
    with pytest.raises(L2HError, match="is not a rank histogram of 11 bits"):
        list(iter_rankings(path))


def test_writing_is_atomic(tmp_path):
    path = tmp_path / "deep" / "file"
    with atomic(path) as part:
        part.write_text("old")

    def fail_half_way():
        with atomic(path) as part:
            part.write_text("half of the n")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert path.read_text() == "old"
    assert [p.name for p in path.parent.iterdir()] == ["file"]
    with atomic(tmp_path / "deep") as part:  # a folder takes the place of a folder
        part.mkdir()
        (part / "new").touch()
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["new"]


def test_rows_without_an_id_are_refused(tmp_path):
    table = pa.table([pa.array([0, None]), pa.array([b"aa", b"bb"], pa.binary(2))], names=["id", "code"])
    pq.write_table(table.replace_schema_metadata({"bits": "11"}), tmp_path / "c.parquet")
    with pytest.raises(L2HError, match="rows without an id or a code"):
        read_codes(tmp_path / "c.parquet", np.array([0]))
    pq.write_table(table.replace_schema_metadata({"bits": "many"}), tmp_path / "c.parquet")
    with pytest.raises(L2HError, match="has 'many' as its bits; an integer"):
        read_codes(tmp_path / "c.parquet", np.array([0]))


def test_an_empty_table_is_an_error(tmp_path):
    with pytest.raises(L2HError, match="nothing to write"):
        write_codes(tmp_path / "c.parquet", [], KEY)


WRITERS = {
    "table": lambda path: write_metrics(path, [], []),
    "batches": lambda path: write_codes(path, ((ids, bulk) for ids in [np.arange(len(bulk))]), KEY),
    "model": lambda path: write_model(path, {"method": "m"}, {"bulk": bulk}),
    "checkpoint": lambda path: write_checkpoint(path, {}, {"bulk": bulk}),
    "gallery": lambda path: write_gallery(path, {"bulk": "0" * 2**21}),
    "array": lambda path: save_array(path),
}
bulk = np.random.default_rng(0).integers(0, 256, (2**18, 8), np.uint8)


def save_array(path):
    with atomic(path) as part, part.open("wb") as file:
        np.save(file, bulk)


@pytest.mark.parametrize("kind", [name for name in WRITERS if name != "table"])
def test_a_full_disk_is_one_line(kind, small_disk):
    path = small_disk / "kept" / "file"
    with pytest.raises(L2HError, match=r"kept/file cannot be written: the disk of .*kept is full \(\d+ MiB free\)"):
        WRITERS[kind](path)
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("free", "error", "said"),
    [(2**20 - 1, L2HError, r"the disk of .* is full \(0 MiB free\); free some space"), (2**20, OSError, "^2048 ")],
)
def test_a_short_write_means_a_full_disk(tmp_path, monkeypatch, free, error, said):
    """numpy raises without the system's error number; the disk counts as full if it has less than 1 MiB left."""
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=free))
    with pytest.raises(error, match=said), atomic(tmp_path / "file"):
        raise OSError("2048 requested and 512 written")


@pytest.mark.parametrize("kind", WRITERS)
def test_a_read_only_folder_is_one_line(kind, read_only_disk):
    for path in (read_only_disk / "file", read_only_disk / "new" / "file"):
        with pytest.raises(L2HError, match=r"file cannot be written: .* is not writable .*; make it writable, and run"):
            WRITERS[kind](path)


@pytest.mark.parametrize("place", ["results/file", "results/run/file"])
def test_a_file_in_place_of_a_folder_is_one_line(place, tmp_path):
    (tmp_path / "results").touch()
    words = rf"{place} cannot be written: .*/results is a file, not a folder; move it away, and run the same command"
    with pytest.raises(L2HError, match=words):
        write_metrics(tmp_path / place, [], [])
    assert [path.name for path in tmp_path.iterdir()] == ["results"]


def test_other_errors_stay_unchanged(tmp_path):
    def read_what_is_not_allowed():
        with atomic(tmp_path / "file"):
            raise PermissionError(errno.EACCES, "Permission denied", "/elsewhere/image.png")

    with pytest.raises(PermissionError, match=r"/elsewhere/image\.png"):
        read_what_is_not_allowed()
