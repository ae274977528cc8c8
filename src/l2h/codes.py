"""Packed binary codes, in the bit layout that all steps, files and indexes share."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def n_bytes(bits: int) -> int:
    """Bytes that hold one code of `bits` bits."""
    return (bits + 7) // 8


def pack(bits: ArrayLike) -> NDArray[np.uint8]:
    """Pack bits into bytes, the first bit lowest, as faiss's binary indexes and `IndexLSH.sa_encode` do.

    Parameters
    ----------
    bits : bool (n, b), or integers that are all 0 or 1

    Returns
    -------
    uint8 (n, ceil(b / 8)); padding bits are 0

    Raises
    ------
    ValueError
        the array is not two-dimensional, or has a value other than 0 and 1

    Examples
    --------
    >>> from l2h import codes
    >>> codes.pack([[1, 0, 0, 0, 0, 0, 0, 0, 1], [0, 1, 0, 0, 0, 0, 0, 0, 0]]).tolist()
    [[1, 1], [2, 0]]
    """
    array = np.asarray(bits)
    if array.ndim != 2:
        raise ValueError(f"codes have the shape (n, bits), got {array.shape}")
    if array.dtype != np.bool_:
        if not np.isin(array, (0, 1)).all():
            raise ValueError("bits are True and False, or 0 and 1; binarise scores with `scores > 0` first")
        array = array.astype(np.bool_)
    return np.packbits(array, axis=1, bitorder="little")


def unpack(codes: ArrayLike, b: int) -> NDArray[np.bool_]:
    """Unpack codes of `b` bits: the inverse of `pack`.

    Parameters
    ----------
    codes : uint8 (n, ceil(b / 8))
    b : bits a code

    Returns
    -------
    bool (n, b)

    Raises
    ------
    ValueError
        the array is not uint8, or its width does not match `b`
    """
    return np.unpackbits(check(codes, b), axis=1, count=b, bitorder="little").astype(np.bool_)


def check(codes: ArrayLike, b: int) -> NDArray[np.uint8]:
    """Return `codes` as an array; raise ValueError unless it is uint8 of shape (n, ceil(b / 8))."""
    array = np.asarray(codes)
    if array.dtype != np.uint8 or array.ndim != 2 or array.shape[1] != n_bytes(b):
        raise ValueError(
            f"packed codes of {b} bits are uint8 of shape (n, {n_bytes(b)}), got {array.dtype} {array.shape}"
        )
    return array


def nearest(
    code: NDArray[np.uint8], packed: NDArray[np.uint8], ids: NDArray[np.int64], k: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The k codes at the smallest Hamming distance; ties are broken by the smallest id.

    Parameters
    ----------
    code : uint8 (bytes,), packed
    packed : uint8 (n, bytes)
    ids : int64 (n,), of the codes

    Returns
    -------
    rows of these codes, int64 (min(k, n),), the nearest first, and the distances of all codes, int64 (n,)
    """
    distances = np.bitwise_count(packed ^ code).sum(axis=1, dtype=np.int64)
    return np.lexsort((ids, distances))[:k], distances
