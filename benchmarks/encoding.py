"""Time the encoding of features by a fitted linear method: l2h's `transform` compared with numpy and faiss.

numpy subtracts the mean, as l2h does, or compares scores with those of the mean, which saves a copy of the features. In
faiss, a `LinearTransform` with the mean in its bias precedes an `IndexLSH`, whose `sa_encode` packs the signs. l2h also
checks that features are finite. Codes must be equal, except for bits whose score is 0 within rounding.

The method is itq; lsh, pca_sign and pca_rr encode in the same way.
"""

from collections.abc import Callable, Mapping
from importlib.util import find_spec

import numpy as np

from common import by_peer, in_turn, machine, options
from l2h import codes, hashing
from l2h.hashing.base import LinearHasher

BITS = 64
TRAINING = 200
ROUNDING = 1e-6  # of a score in float32, relative to the norms of features and direction
WIDTHS = 9216, 512  # of AlexNet's pool5, and common in embeddings
PEERS = "numpy", "faiss"
Encode = Callable[[np.ndarray], np.ndarray]


def by_faiss(hasher: LinearHasher, threads: int) -> Encode:
    """Encode with the same matrix in an index of faiss."""
    import faiss

    faiss.omp_set_num_threads(threads)
    matrix = faiss.LinearTransform(hasher.n_features_in_, hasher.bits, True)
    faiss.copy_array_to_vector(np.ascontiguousarray(hasher.projection_.T).ravel(), matrix.A)
    faiss.copy_array_to_vector(-hasher.mean_ @ hasher.projection_, matrix.b)
    matrix.is_trained = True
    return faiss.IndexPreTransform(matrix, faiss.IndexLSH(hasher.bits, hasher.bits, False, False)).sa_encode


def encoders(hasher: LinearHasher, threads: int) -> dict[str, Encode]:
    """Ways to encode features."""
    mean, projection = hasher.mean_, hasher.projection_
    threshold = mean @ projection
    ways: dict[str, Encode] = {
        "l2h": hasher.transform,
        "numpy": lambda X: np.packbits((X - mean) @ projection > 0, axis=1, bitorder="little"),
        "numpy, scores of the mean": lambda X: np.packbits(X @ projection > threshold, axis=1, bitorder="little"),
    }
    return ways | ({"faiss": by_faiss(hasher, threads)} if find_spec("faiss") else {})


def check(hasher: LinearHasher, X: np.ndarray, encoded: Mapping[str, np.ndarray]) -> None:
    """Fail unless all codes have the signs of the scores in float64, where these are clear."""
    projection = hasher.projection_.astype(np.float64)
    scores = (X - hasher.mean_.astype(np.float64)) @ projection
    clear = np.abs(scores) > ROUNDING * np.linalg.norm(X, axis=1)[:, None] * np.linalg.norm(projection, axis=0)
    for name, packed in encoded.items():
        wrong = (codes.unpack(packed, hasher.bits) != (scores > 0)) & clear
        if wrong.any():
            raise SystemExit(f"codes by {name!r} have {wrong.sum():,} wrong bits of {wrong.size:,}")


def measure(hasher: LinearHasher, X: np.ndarray, repeats: int, threads: int) -> dict[str, float]:
    """Median microseconds a row."""
    ways, calls = encoders(hasher, threads), max(1, 200 // len(X))
    check(hasher, X, {name: encode(X) for name, encode in ways.items()})
    repeated = {name: lambda encode=encode: [encode(X) for _ in range(calls)] for name, encode in ways.items()}
    return {name: taken / calls / len(X) * 1e6 for name, taken in in_turn(repeated, repeats).items()}


def main() -> None:
    """Run and print Markdown."""
    arguments = options(__doc__.splitlines()[0], "small batches, for a quick test")
    batches = (1, 16, 256) if arguments.quick else (1, 128, 10_000)
    times = {}
    for width in WIDTHS:
        X = np.random.default_rng(0).standard_normal((max(TRAINING, *batches), width), dtype=np.float32) + 1
        hasher = hashing.make("itq", bits=BITS, random_state=0).fit(X[:TRAINING])
        for batch in batches:
            times[width, batch] = measure(hasher, X[:batch], arguments.repeats, arguments.threads)

    print(f"## Encoding\n\n{machine(arguments.threads, 'faiss-cpu')}\n")
    names = list(next(iter(times.values())))
    print(f"Microseconds a row, {BITS} bits, medians of {arguments.repeats} runs.\n")
    print(f"| values | rows at once | {' | '.join(names)} |\n|--:|--:|{'--:|' * len(names)}")
    for (width, batch), taken in times.items():
        print(f"| {width:,} | {batch:,} | {' | '.join(f'{taken[name]:.2f}' for name in names)} |")
    rows = []
    for peer in PEERS:
        ways = [name for name in names if name.startswith(peer)]
        for width in WIDTHS if ways else ():
            some = [times[width, batch] for batch in batches]
            ratios = "; ".join(f"{min(taken[name] for name in ways) / taken['l2h']:.2f}" for taken in some)
            rows.append((peer, f"{BITS} bits of {width:,} values, {'; '.join(map(str, batches))} rows at once", ratios))
    by_peer(rows)


if __name__ == "__main__":
    main()
