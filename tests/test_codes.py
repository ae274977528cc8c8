import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from l2h import codes

bit_arrays = st.tuples(st.integers(0, 6), st.integers(1, 70)).flatmap(lambda shape: hnp.arrays(np.bool_, shape))


@given(bit_arrays)
def test_unpack_inverts_pack(bits):
    packed = codes.pack(bits)
    assert packed.dtype == np.uint8
    assert packed.shape == (len(bits), codes.n_bytes(bits.shape[1]))
    assert np.array_equal(codes.unpack(packed, bits.shape[1]), bits)


def test_first_bit_is_the_lowest_and_padding_is_zero():
    bits = np.zeros((1, 11), dtype=bool)
    bits[0, [0, 9]] = True
    assert codes.pack(bits).tolist() == [[1, 2]]


def test_zeros_and_ones_are_bits_but_scores_are_not():
    assert codes.pack([[1, 0, 1]]).tolist() == [[5]]
    with pytest.raises(ValueError, match="binarise"):
        codes.pack([[0.3, -1.0]])
    with pytest.raises(ValueError, match="binarise"):
        codes.pack([[1, -1]])


@pytest.mark.parametrize(
    "wrong",
    [np.zeros((2, 2), np.int64), np.zeros((2, 3), np.uint8), np.zeros(2, np.uint8)],
    ids=["dtype", "width", "1d"],
)
def test_unpack_refuses_codes_of_another_length(wrong):
    with pytest.raises(ValueError, match="packed codes of 16 bits"):
        codes.unpack(wrong, 16)
