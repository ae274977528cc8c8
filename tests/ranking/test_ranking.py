"""Rank histograms against loops over unpacked bits, and the symmetries that any ranking has."""

import os
import subprocess
import sys
from types import SimpleNamespace

import faiss
import numba
import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from l2h import codes, ranking
from l2h.errors import L2HError
from l2h.ranking import RankHistogram, counting, on_cuda, on_numba, on_numpy, on_torch, rank_histogram
from l2h.ranking.problem import lay_out
from l2h.ranking.roles import rank_split
from l2h.splits import Split


def brute_force(query, database, query_labels, database_labels):
    total = np.zeros((len(query), query.shape[1] + 1), dtype=int)
    relevant = np.zeros_like(total)
    for i, q in enumerate(query):
        for j, d in enumerate(database):
            distance = sum(a != b for a, b in zip(q, d, strict=True))
            total[i, distance] += 1
            if np.ndim(query_labels) == 1:
                shared = query_labels[i] == database_labels[j]
            else:
                shared = any(a and b for a, b in zip(query_labels[i], database_labels[j], strict=True))
            relevant[i, distance] += shared
    return total, relevant


@st.composite
def problems(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    bits, n_query, n_database = draw(st.integers(1, 256)), draw(st.integers(1, 4)), draw(st.integers(0, 12))
    query, database = rng.random((n_query, bits)) < 0.5, rng.random((n_database, bits)) < 0.5
    if draw(st.booleans()):
        first = draw(st.sampled_from([0, -1, 32767, 2**40]))  # classes may be any whole numbers
        return query, database, *(first + rng.integers(0, 3, n) for n in (n_query, n_database))
    width = draw(st.integers(1, 90))
    return query, database, rng.random((n_query, width)) < 0.1, rng.random((n_database, width)) < 0.1


def histogram(query, database, query_labels, database_labels):
    return rank_histogram(codes.pack(query), codes.pack(database), query_labels, database_labels, bits=query.shape[1])


def same(a: RankHistogram, b: RankHistogram) -> bool:
    return np.array_equal(a.total, b.total) and np.array_equal(a.relevant, b.relevant)


@pytest.fixture(params=["numpy", "numba", "torch"])
def counter(request, monkeypatch):
    """All ways to count; torch replaces the GPU on the CPU, in small blocks."""
    if request.param != "numpy":
        monkeypatch.setattr(counting, "SMALL", 0)
    if request.param == "torch":
        monkeypatch.setattr(on_torch, "TILE", 5)
        monkeypatch.setattr(on_torch, "PAIRS", 10)
        monkeypatch.setattr(on_numba, "count", lambda problem: on_torch.count(problem, torch.device("cpu")))


@pytest.mark.usefixtures("counter")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)  # one counter for all examples
@given(problems())
def test_histograms_match_brute_force(problem):
    h = histogram(*problem)
    total, relevant = brute_force(*problem)
    assert h.total.dtype == h.relevant.dtype == np.int64
    assert np.array_equal(h.total, total)
    assert np.array_equal(h.relevant, relevant)


def many(kind, rng, n):
    """Codes of 70 bits and labels of n items; "alike" are all one code, the most that one counter can get."""
    bits = rng.random((n, 70)) < 0.5 if kind != "alike" else np.ones((n, 70), bool)
    return bits, rng.random((n, 81)) < 0.02 if kind == "81 labels" else rng.integers(0, 5, n)


@pytest.mark.parametrize("kind", ["classes", "81 labels", "alike"])
def test_tiles_and_blocks_add_up(kind, monkeypatch):
    """More items than three tiles and more queries than a block, on any number of threads."""
    monkeypatch.setattr(counting, "SMALL", 0)
    rng = np.random.default_rng(0)
    (query, query_labels), (database, labels) = many(kind, rng, 70), many(kind, rng, 3 * on_numba.TILE + 1001)
    h = histogram(query, database, query_labels, labels)
    for q in (0, 63, 69):
        distance = (query[q] != database).sum(axis=1)
        same_label = (labels & query_labels[q]).any(axis=1) if labels.ndim == 2 else labels == query_labels[q]
        assert np.array_equal(h.total[q], np.bincount(distance, minlength=71))
        assert np.array_equal(h.relevant[q], np.bincount(distance[same_label], minlength=71))
    for threads in (1, 3):
        monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", threads)
        assert same(histogram(query, database, query_labels, labels), h)


@pytest.mark.parametrize("bits", [8, 64, 256])
def test_distances_match_faiss(bits):
    rng = np.random.default_rng(bits)
    query, database = (rng.integers(0, 256, (n, bits // 8), dtype=np.uint8) for n in (20, 3000))
    index = faiss.IndexBinaryFlat(bits)
    index.add(database)
    distances, _ = index.search(query, len(database))
    h = rank_histogram(query, database, np.zeros(20, int), np.zeros(3000, int), bits=bits)
    assert np.array_equal(h.total, [np.bincount(row, minlength=bits + 1) for row in distances])
    assert np.array_equal(h.relevant, h.total)


def test_arrays_may_be_read_only_misaligned_or_views(monkeypatch):
    monkeypatch.setattr(counting, "SMALL", 0)
    rng = np.random.default_rng(0)
    packed, labels = rng.integers(0, 256, (50, 8), dtype=np.uint8), rng.random((50, 64)) < 0.1
    expected = rank_histogram(packed, packed, labels, labels, bits=64)
    shifted = np.frombuffer(b"?" + packed.tobytes(), np.uint8, offset=1).reshape(50, 8)
    strided = np.repeat(packed, 2, axis=0)[::2]
    assert same(rank_histogram(shifted, strided, labels, labels, bits=64), expected)


def test_a_missing_gpu_is_an_error(monkeypatch):
    packed, labels = np.zeros((3, 1), np.uint8), np.zeros(3, int)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(L2HError, match="torch finds no GPU"):
        rank_histogram(packed, packed, labels, labels, bits=8, device="cuda")
    assert same(*(rank_histogram(packed, packed, labels, labels, bits=8, device=name) for name in ("auto", "cpu")))


def in_a_process(program: str, **environment: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, **environment}, check=True, text=True, capture_output=True
    ).stdout


def test_reading_histograms_imports_no_compiler():
    modules = "from l2h import store; from l2h.evaluation import cell"
    program = f"import sys; {modules}; print({{'numba', 'torch'}} & set(sys.modules))"
    assert in_a_process(program) == "set()\n"


COMPILES = """
from numba.core.event import install_recorder
with install_recorder("numba:compile") as found:
    import l2h.ranking.on_numba
print(len(found.buffer) > 0)
"""


def test_compiled_kernels_are_cached():
    """What this process, which has imported the kernel, has compiled or found compiled."""
    assert in_a_process(COMPILES) == "False\n"


WITHOUT_A_CACHE = (
    """
import numba, numpy as np
njit = numba.njit
def refusing(*arguments, cache=False, **options):
    if cache:
        raise RuntimeError("cannot cache function: no locator available")
    return njit(*arguments, **options)
numba.njit = refusing
"""
    + COMPILES
    + """
from l2h.ranking import counting, rank_histogram
counting.SMALL = 0
packed, labels = np.array([[255], [0]], np.uint8), np.array([0, 1])
print(rank_histogram(packed, packed, labels, labels, bits=1).total.tolist())
"""
)


def test_the_kernel_compiles_without_a_writable_folder():
    assert in_a_process(WITHOUT_A_CACHE, NUMBA_OPT="0") == "True\n[[1, 1], [1, 1]]\n"


@pytest.mark.parametrize("shards", [1, 2, 3, 50])
@pytest.mark.parametrize("labels_each", [1, 2])
def test_shards_of_a_split_add_up(shards, labels_each):
    rng = np.random.default_rng(0)
    roles = ["query"] * 5 + ["train"] * 8 + ["database"] * 20
    ids = [*range(5), *range(5, 13), *range(5, 25)]  # the training images are in the database
    labels = {number: rng.choice(4, labels_each, replace=False).tolist() for number in range(25)}
    columns = {"id": ids, "role": roles, "image_sha256": [b""] * 33, "labels": [labels[number] for number in ids]}
    split = Split(pa.table(columns), "toy", 0)
    packed = rng.integers(0, 4, (25, 1), dtype=np.uint8)
    whole, unseen = rank_split(split, packed.__getitem__, 2)
    parts = [rank_split(split, packed.__getitem__, 2, shard=shard, shards=shards) for shard in range(shards)]
    for expected, some, size in ((whole, [part[0] for part in parts], 20), (unseen, [part[1] for part in parts], 12)):
        added = sum(some[1:], some[0])
        assert same(added, expected)
        assert added.queries == expected.queries
        assert (expected.total.sum(axis=1) == size).all()


@given(problems(), st.integers(0, 12))
def test_shards_add_up(problem, cut):
    query, database, query_labels, database_labels = problem
    a = histogram(query, database[:cut], query_labels, database_labels[:cut])
    b = histogram(query, database[cut:], query_labels, database_labels[cut:])
    assert same(a + b, histogram(*problem))


@given(problems(), st.randoms(use_true_random=False))
def test_order_complement_and_padding_do_not_matter(problem, random):
    query, database, query_labels, database_labels = problem
    expected = histogram(*problem)
    order = list(range(len(database)))
    random.shuffle(order)
    assert same(histogram(query, database[order], query_labels, database_labels[order]), expected)
    assert same(histogram(~query, ~database, query_labels, database_labels), expected)
    bits = query.shape[1]
    if bits % 8:
        dirty = codes.pack(database)
        dirty[:, -1] |= 0xFF << bits % 8 & 0xFF
        assert same(rank_histogram(codes.pack(query), dirty, query_labels, database_labels, bits=bits), expected)


def test_the_distance_is_hamming_s():
    # The widely copied 0.5 * (bits - a.b) on {0, 1} codes ranks 1111 above 0000 for the query 1000.
    query, database = np.array([[1, 0, 0, 0]]), np.array([[1, 1, 1, 1], [0, 0, 0, 0]])
    h = histogram(query.astype(bool), database.astype(bool), np.array([1]), np.array([0, 1]))
    assert h.total.tolist() == [[0, 1, 0, 1, 0]]
    assert h.relevant.tolist() == [[0, 1, 0, 0, 0]]


def test_only_histograms_of_the_same_queries_can_be_added():
    rng = np.random.default_rng(0)
    labels = np.zeros(3, int)
    one, other = (histogram(rng.random((3, 9)) < 0.5, rng.random((3, 9)) < 0.5, labels, labels) for _ in range(2))
    with pytest.raises(ValueError, match="different queries"):
        one + other
    with pytest.raises(ValueError, match="different queries"):
        one + RankHistogram(one.total[:, 1:], one.relevant[:, 1:], one.queries)
    with pytest.raises(TypeError):
        one + 1


def test_mistakes_are_named():
    packed = codes.pack(np.zeros((2, 8), bool))
    with pytest.raises(ValueError, match="packed codes of 16 bits"):
        rank_histogram(packed, packed, [0, 0], [0, 0], bits=16)
    with pytest.raises(ValueError, match="2 database codes but 3 database labels"):
        rank_histogram(packed, packed, np.zeros(2, int), np.zeros(3, int), bits=8)
    with pytest.raises(ValueError, match="multi-hot of one width"):
        rank_histogram(packed, packed, np.zeros((2, 3), bool), np.zeros((2, 4), bool), bits=8)
    with pytest.raises(ValueError, match="class labels are integers"):
        rank_histogram(packed, packed, np.zeros(2), np.zeros(2), bits=8)
    with pytest.raises(ValueError, match="between 0 and the total"):
        RankHistogram(np.array([[1, 0]]), np.array([[2, 0]]))
    with pytest.raises(ValueError, match="differ in shape"):
        RankHistogram(np.array([[1, 0]]), np.array([[1]]))
    with pytest.raises(ValueError, match="integer table"):
        RankHistogram(np.array([[1.0]]), np.array([[1.0]]))


COUNTERS = {
    "numpy": on_numpy.count,
    "numba": on_numba.count,
    "torch": lambda problem: on_torch.count(problem, torch.device("cpu")),
}


@pytest.mark.parametrize("name", COUNTERS)
@pytest.mark.parametrize("bits", [2047, 2048, 2049, 4100])
def test_long_codes_are_counted_exactly(name, bits):
    """At distances from 0, the query itself, to all bits, its opposite."""
    rng = np.random.default_rng(bits)
    query, labels = rng.random((1, bits)) < 0.5, rng.integers(0, 2, 300)
    distance = np.linspace(0, bits, 300).astype(int)
    database = query ^ (np.arange(bits) < distance[:, None])
    problem, _ = lay_out(codes.pack(query), codes.pack(database), np.array([1]), labels, bits)
    expected = [np.bincount(distance[labels == label], minlength=bits + 1) for label in (0, 1)]
    assert np.array_equal(COUNTERS[name](problem), [expected])


def test_codes_beyond_16_bit_counters_are_counted(monkeypatch):
    monkeypatch.setattr(counting, "SMALL", 0)
    query = np.random.default_rng(0).random((1, 70_000)) < 0.5
    h = histogram(query, np.concatenate([query, ~query]), np.array([1]), np.array([1, 0]))
    assert [np.flatnonzero(table[0]).tolist() for table in (h.total, h.relevant)] == [[0, 70_000], [0]]


@pytest.mark.parametrize("name", COUNTERS)
@pytest.mark.parametrize("multi_hot", [False, True])
def test_empty_inputs_are_counted(name, multi_hot):
    for n_query, n_items in ((0, 5), (3, 0), (0, 0)):
        packed = [np.zeros((n, 2), np.uint8) for n in (n_query, n_items)]
        labels = [np.zeros((n, 3), bool) if multi_hot else np.zeros(n, int) for n in (n_query, n_items)]
        problem, _ = lay_out(*packed, *labels, 12)
        assert np.array_equal(COUNTERS[name](problem), np.zeros((n_query, 2, 13)))


@pytest.fixture
def problem():
    rng = np.random.default_rng(0)
    bits, labels = rng.random((60, 40)) < 0.5, rng.integers(0, 3, 60)
    return lay_out(codes.pack(bits[:7]), codes.pack(bits), labels[:7], labels, 40)[0]


@pytest.mark.parametrize("fault", ["wrong counts", "an error"])
def test_a_failing_triton_kernel_is_replaced_by_torch(fault, problem, monkeypatch, caplog):
    def count(problem, device):
        if fault == "an error":
            raise RuntimeError("no compiler")
        return on_torch.count(problem, device) + 1

    monkeypatch.setitem(sys.modules, "l2h.ranking.on_triton", SimpleNamespace(count=count))
    monkeypatch.setattr(ranking, "on_triton", SimpleNamespace(count=count), raising=False)
    monkeypatch.setattr(on_cuda, "LARGE", 0)
    monkeypatch.setattr(on_cuda, "_counters", {})
    expected = on_numpy.count(problem)
    for _ in range(2):
        assert np.array_equal(on_cuda.count(problem, torch.device("cpu")), expected)
    words = {"an error": "no compiler", "wrong counts": "its counts are wrong"}[fault]
    assert words in caplog.text


def test_long_codes_are_left_to_torch(problem, monkeypatch, caplog):
    monkeypatch.setattr(on_cuda, "LARGE", 0)
    monkeypatch.setattr(on_cuda, "WORDS", 0)
    monkeypatch.setattr(on_cuda, "_counters", {})
    assert np.array_equal(on_cuda.count(problem, torch.device("cpu")), on_numpy.count(problem))
    assert caplog.text == ""


def test_a_verified_triton_kernel_counts_the_rest(problem, monkeypatch):
    asked = []

    def count(problem, device):
        asked.append(len(problem.query_words))
        return on_torch.count(problem, device)

    monkeypatch.setitem(sys.modules, "l2h.ranking.on_triton", SimpleNamespace(count=count))
    monkeypatch.setattr(ranking, "on_triton", SimpleNamespace(count=count), raising=False)
    monkeypatch.setattr(on_cuda, "LARGE", 0)
    monkeypatch.setattr(on_cuda, "_counters", {})
    on_cuda.count(problem, torch.device("cpu"))
    assert asked == [on_cuda.QUERIES, 7]  # to be compared, and to count
