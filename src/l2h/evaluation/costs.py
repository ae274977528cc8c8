"""Costs of codes: features and codes per image, bytes per item, search. Everything runs on one CPU thread.

Rows are dicts of quantity, unit, value, and, where they apply: repeats, of which the value is the fastest; items that
were searched; disturbed, whether other processes took the CPU meanwhile.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from l2h import codes
from l2h.evaluation.timing import Timing, measure, once

if TYPE_CHECKING:
    import torch
    from torch import nn

    from l2h.backbones.extraction import Images

BATCHES = (1, 16, 128)
SLOW = 0.1  # seconds; after a batch that takes longer, no larger one is tried
ITEMS = 10**6  # minimum number of codes to time exhaustive search on: with few, the call itself dominates
FIRST = 100  # items returned by a search
SEARCHES = 0.2  # seconds for which an exhaustive search is repeated
QUERIES = 200  # maximum number to measure an index's recall
TIMED = 10  # maximum number of queries to time an index
FLOAT_VALUES = 2**30  # maximum number of feature values in memory for exhaustive search
Row = dict[str, Any]


def per_image(name: str, run: Callable[[Any], object], images: Any) -> list[Row]:
    """Time `run` on batches of images (or of their features), shape (n, ...): one at a time, and in the best batch.

    The best batch is the one of BATCHES with the least time per image; none follows one that takes longer than SLOW.
    """
    timings: dict[int, Timing] = {}
    for size in BATCHES:
        if size <= len(images) and all(timing.wall <= SLOW for timing in timings.values()):
            timings[size] = measure(partial(run, images[:size]))
    best = min(timings, key=lambda size: timings[size].wall / size)
    return [
        _time(f"{name}_batch1", "s/image", timings[1].wall, timings[1]),
        _time(f"{name}_best", "s/image", timings[best].wall / best, timings[best]),
        _row(f"{name}_best_batch", "images", best),
    ]


def backbone(
    network: "nn.Module",
    images: "Images",
    *,
    size: int,
    mean: tuple[float, float, float],
    std: tuple[float, float, float],
    precision: str,
    device: "torch.device",
) -> list[Row]:
    """Time preprocessing and network separately, on n images; arguments as for `l2h.backbones.extraction.extract`.

    Each batch ends with a value on the CPU, so that a GPU has computed it by then.
    """
    import torch

    from l2h.backbones.extraction import forward, preprocess

    network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def prepared(batch: "Images") -> torch.Tensor:
        return preprocess(batch, size, mean, std, device)

    inputs = prepared(images)
    with torch.inference_mode():
        return [
            *per_image("preprocess", lambda batch: prepared(batch)[-1, 0, 0, 0].item(), images),
            *per_image("backbone", lambda batch: forward(network, batch, precision)[-1, 0].item(), inputs),
        ]


def encoding(model: str | Path, images: "Images") -> list[Row]:
    """Time a network of scope full from n images to their codes, preprocessing included, on the CPU."""
    import torch

    from l2h.hashing.deep.network import load

    network, device = load(model), torch.device("cpu")
    return per_image("encode", lambda batch: list(network.encode([(np.arange(len(batch)), batch)], device)), images)


def cell(made: list[Row], bits: int, database: NDArray[np.uint8], queries: NDArray[np.uint8]) -> list[Row]:
    """Costs that depend on one trained hasher.

    Parameters
    ----------
    made : costs of computing a code: `per_image("hash", ...)` from features, or `encoding` from images
    database, queries : uint8 (N, bytes), (Q, bytes), its codes, to search
    """
    bytes_per_item = _row("bytes_per_item", "bytes", codes.n_bytes(bits))
    return [*made, bytes_per_item, *index_search(database, queries, bits)]


def exhaustive_search(bits: int, size: int) -> Row:
    """Time an exhaustive search of `size` codes, or of ITEMS if they are fewer, by faiss, one query at a time.

    It takes the same time for all codes of one length, so these are random.
    """
    import faiss

    items = max(size, ITEMS)
    rng = np.random.default_rng(0)
    database, query = (rng.integers(0, 256, (n, codes.n_bytes(bits)), dtype=np.uint8) for n in (items, 1))
    timing = measure(partial(faiss.knn_hamming, query, database, FIRST), SEARCHES)
    return _rate("flat", 1, timing, items)


def float_search(database: NDArray[np.float32], query: NDArray[np.float32]) -> list[Row]:
    """Time exhaustive search by Euclidean distance for float features, (N, d), and a query, (1, d)."""
    import faiss

    timing = measure(partial(faiss.knn, query, database, min(FIRST, len(database))), SEARCHES)
    return [
        _rate("float", 1, timing, len(database)),
        {**_row("search_float_bytes", "bytes", database.nbytes), "items": len(database)},
    ]


def index_search(database: NDArray[np.uint8], queries: NDArray[np.uint8], bits: int) -> list[Row]:
    """Search packed codes, uint8 (N, bytes) and (Q, bytes), with faiss's approximate indexes.

    For each index: seconds to build it, its bytes, queries a second, and its recall: the share of the FIRST nearest
    items that it finds, any item at the last one's distance or nearer counting, so that ties do no harm. All of these
    depend on the codes, unlike the time of an exhaustive search.
    """
    import faiss

    first, items = min(FIRST, len(database)), len(database)
    asked, timed = queries[:QUERIES], queries[:TIMED]
    bound = faiss.knn_hamming(asked, database, first)[0][:, -1:]
    rows: list[Row] = []
    for name, index in indexes(bits, items).items():
        built = once(partial(_build, index, database))
        distance, label = index.search(asked, first)
        found = float(((label >= 0) & (distance <= bound)).mean())
        some = [
            _time(f"search_{name}_build", "s", built.wall, built),
            _row(f"search_{name}_bytes", "bytes", len(faiss.serialize_index_binary(index))),
            _row(f"search_{name}_recall", "share", found, len(asked)),
        ]
        timing = measure(partial(index.search, timed, first))
        rows += [_rate(name, len(timed), timing, items), *({**row, "items": items} for row in some)]
    return rows


def indexes(bits: int, size: int) -> dict[str, Any]:
    """Empty approximate indexes, with the settings that faiss recommends for this number of codes.

    Lengths that are not a multiple of 8 are padded, which changes no distance.
    """
    import faiss

    width = codes.n_bytes(bits) * 8
    ivf = faiss.IndexBinaryIVF(faiss.IndexBinaryFlat(width), width, max(1, min(256, size // 40)))
    ivf.nprobe = 16
    multihash = faiss.IndexBinaryMultiHash(width, max(1, bits // 16), min(16, bits))
    multihash.nflip = 1
    return {"ivf": ivf, "hnsw": faiss.IndexBinaryHNSW(width, 16), "multihash": multihash}


def _build(index: Any, database: NDArray[np.uint8]) -> None:
    if not index.is_trained:
        index.train(database)
    index.add(database)


def _rate(name: str, queries: int, timing: Timing, items: int) -> Row:
    return {**_time(f"search_{name}_rate", "queries/s", queries / timing.wall, timing), "items": items}


def _time(quantity: str, unit: str, value: float, timing: Timing) -> Row:
    return {**_row(quantity, unit, value, timing.repeats), "disturbed": timing.disturbed}


def _row(quantity: str, unit: str, value: float, repeats: int = 1) -> Row:
    return {"quantity": quantity, "unit": unit, "value": value, "repeats": repeats}
