"""Planted leaks: what only the future knows must reach neither a question nor what is fitted before the cut."""

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from feature_store.settings import StoreSettings
from recsys.interactions import Interactions
from recsys.metrics import Truth, ndcg
from recsys.types import Event, EventType
from recsys.weights import DAY_MS
from training.baselines import Known, baselines
from training.config import EvaluationConfig, TrainingConfig
from training.exam import Exam
from training.fit import Knowledge, fit_and_seal
from training.protocol import Questions, ask_next
from training.report import Steps
from training.resources import Shop, open_shop
from training.split import Split

pytestmark = pytest.mark.xdist_group("training")

Log = Callable[..., Interactions]
VIEW, BUY = EventType.VIEW, EventType.PURCHASE
ITEMS = [f"i{number:02}" for number in range(50)]
CUT = 1_000_000


# The target's own time ------------------------------------------------------------------------------------------


def telling(log: Log, times_tell: int = 0) -> Interactions:
    """Shoppers whose every event says by its time (ms modulo 50) which item it is of; `times_tell` shifts targets.

    Each shopper has one target in the window, 1 to 40 thousand ms after an unrelated earlier event.
    """
    dice, rows = np.random.default_rng(5), []
    for shopper in range(300):
        for place, begin in enumerate((100_000, 400_000, CUT + 100)):
            item = int(dice.integers(len(ITEMS)))
            time = begin + 1_000 * int(dice.integers(1, 40)) // 50 * 50 + item
            rows.append((f"u{shopper}", ITEMS[item], VIEW, time + (50 * times_tell if place == 2 else 0)))
    return log(rows, ITEMS)


def live_questions(rows: Interactions) -> Questions:
    end = rows.end + 1
    split = Split("temporal", CUT, end, rows.before(CUT), rows.window(CUT, end))
    return ask_next(rows, split, np.ones(len(rows.users), bool), EvaluationConfig(), seed=0)


def read_item_from(times: Any) -> np.ndarray:
    """The lists of a system that believes a time tells the item."""
    return (np.asarray(times) % len(ITEMS)).astype(np.int32)[:, None]


def figure(asked: Questions, lists: np.ndarray) -> float:
    truth = Truth(asked.truth.indptr.astype(np.int64), asked.truth.indices.astype(np.int32))
    return float(ndcg(lists, truth, 1).mean())


def test_who_knew_the_targets_time_would_be_right_and_no_time_of_a_question_tells_it(log: Log) -> None:
    rows = telling(log)
    asked = live_questions(rows)
    assert len(asked) == 300
    assert figure(asked, read_item_from(rows.time[asked.upto])) == 1.0
    chance = 3 / len(ITEMS)
    assert figure(asked, read_item_from(asked.as_of)) < chance
    starts = rows.user_slices()[asked.users]
    for back in (1, 2):
        assert (asked.upto - back >= starts).all()
        assert figure(asked, read_item_from(rows.time[asked.upto - back])) < chance


def test_a_question_is_the_same_whenever_its_answer_comes(log: Log) -> None:
    one, other = telling(log), telling(log, times_tell=7)
    assert not np.array_equal(one.time, other.time)
    first, second = live_questions(one), live_questions(other)
    for name in ("users", "upto", "as_of", "behaviour"):
        assert np.array_equal(getattr(first, name), getattr(second, name)), name
    assert (first.seen != second.seen).nnz == 0
    for start, end in zip(one.user_slices()[first.users], first.upto, strict=True):
        assert np.array_equal(one.time[start:end], other.time[start:end])
        assert np.array_equal(one.item[start:end], other.item[start:end])


# What is fitted before the cut ----------------------------------------------------------------------------------


def crowd(small: Any, at: int, items: Sequence[str] = ()) -> list[Event]:
    """Forty new shoppers who after the cut buy all of `items` in one visit, or else something each."""
    shelf = [item.item_id for item in small.catalogue()]
    return [
        Event(
            event_id=f"crowd/{n}/{item}",
            type=BUY,
            timestamp=at + DAY_MS + n * 60_000,
            user_id=f"crowd{n}",
            order_id=f"crowd{n}",
            item_id=item,
        )
        for n in range(40)
        for item in items or (shelf[2 * n], shelf[2 * n + 1])
    ]


@pytest.fixture(scope="module")
def cut(small: Any) -> int:
    return int(small.start + 90 * DAY_MS)


@pytest.fixture(scope="module")
def shop_with(
    small: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Sequence[Event]], Shop]]:
    """A shop of the small log and more events."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def make(more: Sequence[Event]) -> Shop:
            home = tmp_path_factory.mktemp("leak")
            stack.callback(shutil.rmtree, home)
            small.write(home, [*small.purchases(), *more], small.catalogue(), small.people())
            settings = StoreSettings(home=home, redis_url=None)
            config = TrainingConfig.model_validate(
                {
                    "split": {"least_shoppers": 5},
                    "evaluation": {"resamples": 100},
                    "model": {"als": {"embedding_size": 8, "epochs": 4}, "embedding": {"embedding_size": 8}},
                }
            )
            return stack.enter_context(open_shop(settings, config))

        yield make


def fitted(shop: Shop, knowledge: Knowledge, folder: Path, steps: Steps) -> dict[str, str]:
    """Fit a folder the way a run does: file → hash; the manifest, which names the data, left out."""
    fit_and_seal(shop, knowledge, folder, None, steps)
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "manifest.json"
    }


@pytest.fixture(scope="module")
def honest(
    shop_with: Any, small: Any, cut: int, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Exam, dict[str, str]]:
    from rich.console import Console

    shop = shop_with(crowd(small, cut))
    exam = shop.exam(cut)
    knowledge = Knowledge.before(exam, shop.dataset())
    folder = tmp_path_factory.mktemp("honest") / "twin"
    folder.mkdir()
    return exam, fitted(shop, knowledge, folder, Steps(Console(quiet=True)))


@pytest.mark.parametrize(
    ("planted", "model"),
    [
        (["coffee beans-7"], "trending"),
        (["milk-3", "绿茶-11", "面包-5"], "covisitation"),
    ],
    ids=["popularity", "co-visitation"],
)
def test_an_explosion_after_the_cut_changes_no_byte_of_what_is_fitted_before_it(
    shop_with: Any, honest: Any, cut: int, small: Any, tmp_path: Path, steps: Steps, planted: Any, model: str
) -> None:
    shop = shop_with(crowd(small, cut, planted))
    exam = shop.exam(cut)
    twin = fitted(shop, Knowledge.before(exam, shop.dataset()), _empty(tmp_path / "twin"), steps)
    assert any(name.startswith(f"{model}/") for name in twin)
    assert twin == honest[1]
    # The plant is there to be found: who fits on everything is changed by it.
    everything = Knowledge.everything(shop.dataset(), None)
    whole = fitted(shop, everything, _empty(tmp_path / "whole"), steps)
    assert any(whole[name] != twin[name] for name in twin if name.startswith(f"{model}/"))


def test_an_explosion_after_the_cut_changes_no_list_of_a_baseline(
    shop_with: Any, honest: Any, cut: int, small: Any
) -> None:
    usual: Exam = honest[0]
    planted: Exam = shop_with(crowd(small, cut, ["coffee beans-7", "milk-3"])).exam(cut)
    for one, other in zip(marks(usual), marks(planted), strict=True):
        assert np.array_equal(one, other)


def marks(exam: Exam) -> list[np.ndarray]:
    """The baselines' lists for the shoppers of the small log, in the order of their names."""
    asked = exam.questions["all"]
    names = [exam.log.users[int(user)] for user in asked.users]
    usual = asked.where(np.array([not name.startswith("crowd") for name in names]))
    return [
        mark.lists(usual, 10, exclude_seen=False) for mark in baselines(Known(exam.log, exam.history_log))
    ]


def _empty(folder: Path) -> Path:
    folder.mkdir()
    return folder
