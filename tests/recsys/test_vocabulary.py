from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.errors import InputError
from recsys.vocabulary import Vocabulary

ids = st.lists(st.text(min_size=0, max_size=12), unique=True, max_size=30)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("vocabulary")


def test_codes_are_positions_in_the_given_order() -> None:
    vocabulary = Vocabulary(["b", "商品", "a"])
    assert vocabulary.encode(["a", "商品", "b"]).tolist() == [2, 1, 0]
    assert vocabulary.encode([]).dtype == np.int32


def test_an_unknown_id_encodes_to_minus_one() -> None:
    vocabulary = Vocabulary(["a"])
    assert vocabulary.code("?") == -1
    assert vocabulary.encode(["a", "?"]).tolist() == [0, -1]
    assert "?" not in vocabulary


def test_a_repeated_id_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="'杯子' appears more than once"):
        Vocabulary(["a", "杯子", "b", "杯子"])


def test_an_id_that_is_no_text_is_refused() -> None:
    with pytest.raises(InputError, match="must be text, got 7"):
        Vocabulary(["a", 7])  # type: ignore[list-item]


@pytest.mark.parametrize("code", [-1, 2])
def test_a_code_outside_the_vocabulary_decodes_to_an_error_not_to_a_neighbour(code: int) -> None:
    vocabulary = Vocabulary(["a", "b"])
    with pytest.raises(InputError, match=f"code {code}"):
        vocabulary.decode([0, code])
    with pytest.raises(InputError, match=f"code {code}"):
        vocabulary[code]


def test_text_that_is_no_valid_unicode_is_refused_when_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not valid Unicode"):
        Vocabulary(["\ud800"]).save(tmp_path)


def test_the_digest_tells_order_and_borders_apart() -> None:
    digests = {Vocabulary(given).digest for given in (["ab", "c"], ["a", "bc"], ["c", "ab"], ["abc"], [])}
    assert len(digests) == 5
    assert Vocabulary(["ab", "c"]).digest == Vocabulary(["ab", "c"]).digest


@settings(deadline=None)
@given(ids)
def test_what_is_encoded_decodes_to_the_same_ids(drawn: list[str]) -> None:
    vocabulary = Vocabulary(drawn)
    codes = vocabulary.encode(drawn)
    assert codes.tolist() == list(range(len(drawn)))
    assert vocabulary.decode(codes) == drawn
    assert [vocabulary[code] for code in range(len(vocabulary))] == list(vocabulary.ids)


@settings(deadline=None)
@given(drawn=ids)
def test_a_saved_vocabulary_loads_equal(folder: Path, drawn: list[str]) -> None:
    vocabulary = Vocabulary(drawn)
    vocabulary.save(folder)
    loaded = Vocabulary.load(folder)
    assert loaded == vocabulary
    assert loaded.digest == vocabulary.digest
    assert hash(loaded) == hash(vocabulary)
