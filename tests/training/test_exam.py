"""What an exam knows of the shoppers it asks."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from feature_store.history import user_history
from feature_store.offline import OfflineStore
from recsys.errors import InputError
from recsys.types import User
from recsys.weights import DAY_MS
from training.config import TrainingConfig
from training.dataset import read_dataset
from training.exam import Exam, set_exam


@pytest.fixture
def exam(home: Path, small: Any, small_config: TrainingConfig) -> Any:
    def make(cut: int | None = None) -> Exam:
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


def test_the_part_touched_is_asked_when_wanted_and_only_at_a_cut(
    home: Path, small: Any, small_config: TrainingConfig
) -> None:
    small.write(home, small.purchases(days=60), small.catalogue())
    store = OfflineStore(home)
    dataset = read_dataset(store)

    def parts(protocol: Any) -> tuple[str, ...]:
        return set_exam(dataset, store, small_config.asking(protocol, touched=True), 50).parts

    assert parts("frozen") == parts("split") == ("all", "new", "touched")
    assert parts("next") == ("all", "new")
    assert set_exam(dataset, store, small_config, 50).parts == ("all", "new")


def test_made_up_times_carry_no_protocol_but_the_one_by_order(
    home: Path, small: Any, small_config: TrainingConfig
) -> None:
    events = [replace(event, context={"synthetic_time": True}) for event in small.purchases(days=60)]
    small.write(home, events, small.catalogue())
    store = OfflineStore(home)
    dataset = read_dataset(store)
    for protocol in ("frozen", "next"):
        config = small_config.asking(protocol, touched=False)
        with pytest.raises(InputError, match=rf"'{protocol}' needs real times.*--protocol split"):
            set_exam(dataset, store, config, 50)
    with pytest.raises(InputError, match="leave --cut away"):
        set_exam(dataset, store, small_config, 50, cut=small.start)
    found = set_exam(dataset, store, small_config.asking("split", touched=True), 50)
    assert found.plain()["protocol"] == "split"
    assert found.split.protocol == "leave_one_out"
    assert found.parts == ("all", "new")


def test_items_carry_category_and_price_and_strangers_to_the_log_too(exam: Any) -> None:
    found = exam()
    assert len(found.log.items) == 80
    assert set(found.facts.names) == {"茶", "Coffee", "烘焙", "Dairy"}
    assert found.facts.price[found.log.items.code("milk-3")] == 13.0
