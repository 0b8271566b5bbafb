"""The search spaces: every key exists, every end of a range is a valid value."""

import pytest
from optuna.trial import FixedTrial

from training.config import TrainingConfig, flatten
from training.tune.space import GROUPS, Range, applied, draw, groups

RANGES = {key: span for group in GROUPS.values() for key, span in group.items()}


@pytest.mark.parametrize("key", RANGES)
def test_both_ends_of_a_range_are_valid_values_of_an_existing_key(key: str) -> None:
    for value in (RANGES[key].low, RANGES[key].high):
        changed = applied(TrainingConfig(), {key: value})
        assert flatten(changed.model_dump())[key] == value


def test_nothing_else_changes() -> None:
    changed = applied(TrainingConfig(), {"model.als.alpha": 3.0, "model.retrieval.candidates.own": 11})
    before, after = (flatten(config.model_dump()) for config in (TrainingConfig(), changed))
    differing = {key for key, value in after.items() if before.get(key) != value}
    assert differing == {"model.als.alpha", "model.retrieval.candidates.own"}


def test_what_a_range_draws_stays_inside_it_with_four_digits() -> None:
    assert Range(0.05, 4.0).draw(FixedTrial({"a": 0.123456}), "a") == 0.1235
    assert Range(2, 9).draw(FixedTrial({"a": 9}), "a") == 9
    drawn = draw(FixedTrial({key: span.high for key, span in GROUPS["als"].items()}), "als")
    assert drawn == {key: span.high for key, span in GROUPS["als"].items()}


def test_the_own_first_weights_are_searched_only_where_no_ranker_is_wanted() -> None:
    assert "blend" not in groups(TrainingConfig())
    without = TrainingConfig.model_validate({"model": {"ranker": {"enabled": False}}})
    assert "ranker" not in groups(without)
    assert "blend" in groups(without)
