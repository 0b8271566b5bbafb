"""Features as text in a `served` event."""

import numpy as np
import pytest

from recsys.ranking.feature_log import FEATURES_DIGEST, pack, unpack
from recsys.ranking.features import FEATURES


def test_a_matrix_comes_back_within_half_precision() -> None:
    matrix = np.random.default_rng(1).lognormal(0, 2, (len(FEATURES), 25)).astype(np.float32)
    np.testing.assert_allclose(unpack(pack(matrix), 25), matrix, rtol=2**-11, atol=6e-8)


def test_values_beyond_half_precision_stay_finite() -> None:
    matrix = np.full((len(FEATURES), 1), 1e9, np.float32)
    matrix[0] = -1e9
    assert unpack(pack(matrix), 1)[[0, 1], 0].tolist() == [-65504.0, 65504.0]


@pytest.mark.parametrize("text", ["no base64 !", "AAAA", pack(np.zeros((len(FEATURES), 4), np.float32))])
def test_what_is_no_matrix_of_that_shape_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="logged features"):
        unpack(text, 3)


def test_a_list_of_twenty_and_what_is_behind_it_takes_three_kilobytes_at_most() -> None:
    """Most features are zero or shared by all candidates; here two in five are neither."""
    dice = np.random.default_rng(2)
    matrix = np.zeros((len(FEATURES), 30), np.float32)
    matrix[::5] = dice.random(30)
    matrix[1::5] = dice.random((len(FEATURES[1::5]), 1))
    matrix[2::5] = dice.integers(0, 4, (len(FEATURES[2::5]), 30))
    assert len(pack(matrix)) <= 3_072


def test_the_digest_is_sixteen_hex_digits() -> None:
    assert len(bytes.fromhex(FEATURES_DIGEST)) == 8
