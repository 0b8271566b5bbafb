"""The dial: what it sets, and what wins over it."""

import pytest
from pydantic import ValidationError

from recsys.config import ReleaseConfig
from recsys.size import SIZES, overrides

MEDIUM = ReleaseConfig()


def test_medium_changes_nothing() -> None:
    assert ReleaseConfig.model_validate({"size": "medium"}) == MEDIUM
    assert overrides("medium", MEDIUM.retrieval.candidates) == {}


def test_small_sets_less_and_large_more_of_everything_the_dial_turns() -> None:
    small, large = (ReleaseConfig.model_validate({"size": size}) for size in ("small", "large"))
    assert {name: set(table) for name, table in SIZES["small"].items()} == {
        name: set(table) for name, table in SIZES["large"].items()
    }
    for name, table in SIZES["small"].items():
        for key in table:
            less, usual, more = (getattr(getattr(at, name), key) for at in (small, MEDIUM, large))
            assert less < usual < more, f"{name}.{key}"
    for source, usual in MEDIUM.retrieval.candidates.items():
        assert small.retrieval.candidates[source] < usual < large.retrieval.candidates[source]


def test_a_key_that_is_written_wins_over_the_dial() -> None:
    said = {
        "size": "large",
        "als": {"embedding_size": 48, "epochs": 3},
        "retrieval": {"candidates": {"own": 7}, "seeds": 9},
    }
    found = ReleaseConfig.model_validate(said)
    assert (found.als.embedding_size, found.als.epochs) == (48, 3)
    dialled = overrides("large", MEDIUM.retrieval.candidates)["retrieval"]["candidates"]
    assert found.retrieval.candidates == {**dialled, "own": 7}
    assert found.retrieval.seeds == 9
    assert found.ranker.trees == SIZES["large"]["ranker"]["trees"]


@pytest.mark.parametrize("size", ["small", "medium", "large"])
def test_one_source_says_nothing_about_the_others(size: str) -> None:
    alone = ReleaseConfig.model_validate({"size": size}).retrieval
    found = ReleaseConfig.model_validate({"size": size, "retrieval": {"candidates": {"own": 7}}}).retrieval
    assert found.proposals("own", 20) == 7
    for source in alone.candidates.keys() - {"own"}:
        assert found.proposals(source, 20) == alone.proposals(source, 20), source


def test_a_whole_table_given_as_a_value_wins_too() -> None:
    assert ReleaseConfig(size="large", als=MEDIUM.als).als == MEDIUM.als


def test_what_was_resolved_comes_back_as_it_was() -> None:
    found = ReleaseConfig.model_validate({"size": "small", "ranker": {"trees": 77}})
    assert ReleaseConfig.model_validate(found.model_dump(mode="json")) == found


def test_another_word_is_refused() -> None:
    with pytest.raises(ValidationError, match="'small', 'medium' or 'large'"):
        ReleaseConfig.model_validate({"size": "huge"})
