"""What an exam knows of the shoppers it asks."""

from pathlib import Path
from typing import Any

import pytest

from feature_store.history import user_history
from recsys.types import User
from training.config import TrainingConfig
from training.dataset import read_dataset
from training.exam import Exam, set_exam
from training.split import DAY_MS


@pytest.fixture
def exam(home: Path, small: Any, small_config: TrainingConfig) -> Any:
    def make(cut: int | None = None) -> Exam:
        from feature_store.offline import OfflineStore

        store = OfflineStore(home)
        return set_exam(read_dataset(store), store, small_config, history_length=50, cut=cut)

    small.write(home, small.purchases(), small.catalogue(), small.people())
    return make


def test_attributes_are_those_of_the_cut(exam: Any, home: Path, small: Any) -> None:
    cut = exam().split.cut
    changed = [User(user_id="顾客1", attributes={"likes": "now"}, updated_at=cut + 1)]
    user_history(home).record(changed, cut + 1)
    assert exam().attributes["顾客1"] == {"likes": "coffee beans"}


def test_shoppers_with_attributes_are_marked(exam: Any) -> None:
    found = exam()
    tagged = found.tagged()
    assert tagged.sum() == 40
    names = [found.log.users[int(user)] for user in found.questions["all"].users]
    assert not tagged[names.index("顾客0")]


def test_a_given_cut_is_used_as_it_is(exam: Any, small: Any) -> None:
    cut = small.start + 60 * DAY_MS
    assert exam(cut).split.cut == cut
    assert exam(cut).log.end < cut


def test_new_questions_are_a_part_of_all(exam: Any) -> None:
    found = exam()
    everything, fresh = found.questions["all"], found.questions["new"]
    assert set(fresh.users.tolist()) <= set(everything.users.tolist())
    assert fresh.truth.multiply(fresh.seen > 0).nnz == 0
    assert found.plain()["questions"] == {"all": len(everything), "new": len(fresh)}
