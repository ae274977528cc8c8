"""What codes cost: training, features and codes per image, bytes per item, search.

Rows are dicts of quantity, unit, value, repeats. Times are medians; the 95th percentile of one has "_p95" in its name.
"""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from l2h import codes
from l2h.timing import measure

if TYPE_CHECKING:
    import torch
    from torch import nn

    from l2h.features import Images

FLOAT_ITEMS = 10_000  # database images, at most, that the search of float features holds in memory
BATCHES = (1, 4, 16, 128)
Row = dict[str, Any]


def per_image(name: str, run: Callable[[Any], object], images: Any) -> list[Row]:
    """Time `run` on batches of images (or of their features), shape (n, ...): one at a time, and in the best batch.

    The best batch is the one of BATCHES with the smallest median time per image.
    """
    sizes = [size for size in BATCHES if size <= len(images)]
    timings = {size: measure(partial(run, images[:size])) for size in sizes}
    best = min(timings, key=lambda size: timings[size].median / size)
    rows = []
    for kind, size in (("batch1", 1), ("best", best)):
        timing = timings[size]
        rows.append(_row(f"{name}_{kind}", "s/image", timing.median / size, timing.repeats))
        rows.append(_row(f"{name}_{kind}_p95", "s/image", timing.p95 / size, timing.repeats))
    return [*rows, _row(f"{name}_best_batch", "images", best, 1)]


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
    """Time preprocessing and network apart, on n images; arguments as for `l2h.features.extract`."""
    import torch

    from l2h.features import forward, preprocess

    network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def prepared(batch: "Images") -> torch.Tensor:
        return preprocess(batch, size, mean, std, device)

    inputs = prepared(images)
    with torch.inference_mode():
        return [
            *per_image("preprocess", lambda batch: prepared(batch)[-1, 0, 0, 0].item(), images),
            *per_image("backbone", lambda batch: forward(network, batch, precision), inputs),
        ]


def encoding(model: str | Path, images: "Images") -> list[Row]:
    """Time a network of scope full from n images to their codes, preprocessing included, on the processor."""
    import torch

    from l2h.hashing.network import load

    network, device = load(model), torch.device("cpu")
    return per_image("encode", lambda batch: list(network.encode([(np.arange(len(batch)), batch)], device)), images)


def cell(made: list[Row], bits: int, database: NDArray[np.uint8], queries: NDArray[np.uint8]) -> list[Row]:
    """All costs of one trained hasher.

    Parameters
    ----------
    made : what a code costs: `per_image("hash", ...)` of features, or `encoding` of images
    database, queries : uint8 (N, bytes), (Q, bytes), its codes, to search
    """
    bytes_per_item = _row("bytes_per_item", "bytes", codes.n_bytes(bits), 1)
    return [*made, bytes_per_item, *search(database, queries, bits)]


def search(database: NDArray[np.uint8], queries: NDArray[np.uint8], bits: int, k: int = 100) -> list[Row]:
    """Search packed codes, uint8 (N, bytes) and (Q, bytes), with faiss's binary indexes.

    For each index: latency of single queries, queries a second when all come at once, seconds to build it, its bytes,
    and its recall: the share of the flat index's first k items that it finds, any item at the k-th one's distance or
    nearer counting, so that ties do no harm. Lengths that are no multiple of 8 are padded, which moves no distance.
    """
    k = min(k, len(database))
    rows: list[Row] = []
    bound = np.empty((0, 1))
    for name, index in indexes(database.shape[1] * 8, bits, len(database)).items():
        built = _seconds(build, index, database)
        distance, label = index.search(queries, k)
        if name == "flat":
            bound = distance[:, -1:]
        found = ((label >= 0) & (distance <= bound)).mean()
        rows += _search_rows(name, index.search, queries, k)
        rows += [
            _row(f"search_{name}_build", "s", built, 1),
            _row(f"search_{name}_bytes", "bytes", _size(index), 1),
            _row(f"search_{name}_recall", "share", float(found), len(queries)),
        ]
    return rows


def float_search(database: NDArray[np.float32], queries: NDArray[np.float32], k: int = 100) -> list[Row]:
    """The same for an exhaustive search of float features, (N, d) and (Q, d), by Euclidean distance."""
    import faiss

    index = faiss.IndexFlatL2(database.shape[1])
    index.add(database)
    return [
        *_search_rows("float", index.search, queries, min(k, len(database))),
        _row("search_float_bytes", "bytes", database.nbytes, 1),
        _row("search_float_items", "images", len(database), 1),
    ]


def indexes(width: int, bits: int, size: int) -> dict[str, Any]:
    """Empty indexes for codes of so many bits, padded to `width`; settings follow faiss's advice for the size."""
    import faiss

    ivf = faiss.IndexBinaryIVF(faiss.IndexBinaryFlat(width), width, max(1, min(256, size // 40)))
    ivf.nprobe = 16
    multihash = faiss.IndexBinaryMultiHash(width, max(1, bits // 16), min(16, bits))
    multihash.nflip = 1
    return {
        "flat": faiss.IndexBinaryFlat(width),
        "ivf": ivf,
        "hnsw": faiss.IndexBinaryHNSW(width, 16),
        "multihash": multihash,
    }


def build(index: Any, database: NDArray[np.uint8]) -> None:
    """Put packed codes, uint8 (N, width / 8), into one of the indexes."""
    if not index.is_trained:
        index.train(database)
    index.add(database)


def _size(index: Any) -> int:
    import faiss

    return len(faiss.serialize_index_binary(index))


def _search_rows(name: str, search: Callable[[NDArray, int], object], queries: NDArray, k: int) -> list[Row]:
    together = measure(partial(search, queries, k))
    single = [_seconds(search, query, k) for query in queries[:, None]]
    return [
        _row(f"search_{name}_p50", "s/query", float(np.median(single)), len(single)),
        _row(f"search_{name}_p99", "s/query", float(np.quantile(single, 0.99)), len(single)),
        _row(f"search_{name}_rate", "queries/s", len(queries) / together.median, together.repeats),
    ]


def _seconds(call: Callable[..., object], *arguments: Any) -> float:
    start = time.perf_counter()
    call(*arguments)
    return time.perf_counter() - start


def _row(quantity: str, unit: str, value: float, repeats: int) -> Row:
    return {"quantity": quantity, "unit": unit, "value": value, "repeats": repeats}
