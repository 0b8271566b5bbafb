"""Labels from lists that were seen: who may say so, what counts, and what a run says of it."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from feature_store.log import EventLog
from feature_store.offline import OfflineStore
from feature_store.records.codec import events_to_table
from recsys.history import History
from recsys.pipeline import Pipeline
from recsys.query import Query
from recsys.ranking.feature_log import FEATURES_DIGEST, pack
from recsys.ranking.features import FEATURES
from recsys.ranking.ranker import RankerConfig
from recsys.types import Consent, Event, EventType, User
from recsys.vocabulary import Vocabulary
from serving.lists.logged import detail_of, logged_of
from training.config import ImpressionsConfig
from training.impressions import Impressions, read_impressions
from training.report import Steps
from training.resources import Shop, open_shop
from training.train import Options, train

HOUR = 3_600_000
DAY = 24 * HOUR
SHOPPERS = Vocabulary(["ann", "ben", "cem"])
CONFIG = ImpressionsConfig(least_lists=20)
ITEMS = ("a", "b", "c", "d")


def served(name: str, at: int, user: str | None = "ann", items: Sequence[str] = ITEMS, **more: Any) -> Event:
    """A list whose features are the item's place, times ten, in the first row, and 0.5 in the others."""
    matrix = np.full((len(FEATURES), len(items)), 0.5, np.float32)
    matrix[0] = 10 * np.arange(len(items))
    features = {"digest": FEATURES_DIGEST, "places": list(range(len(items))), "rows": pack(matrix)}
    detail = {
        "items": [{"item_id": item, "position": place} for place, item in enumerate(items, start=1)],
        "not_shown": [],
        "features": {**features, **more.pop("features", {})},
    }
    return event(EventType.SERVED, None, at, user, event_id=name, recomm_id=name, detail=detail, **more)


def event(kind: EventType, item: str | None, at: int, user: str | None = "ann", **more: Any) -> Event:
    name = f"{kind}/{item}/{at}/{user}/{more.get('recomm_id')}"
    return Event(
        **{"event_id": name, "type": kind, "item_id": item, "timestamp": at, "user_id": user, **more}
    )


def seen(name: str, items: Sequence[str], at: int, user: str | None = "ann", **more: Any) -> list[Event]:
    return [
        event(EventType.IMPRESSION, item, at, user, recomm_id=name, position=place, **more)
        for place, item in enumerate(items, start=1)
    ]


@pytest.fixture
def read(home: Path, small: Any) -> Any:
    """Writes events into a log and reads what they say of the lists in it."""

    def read_them(
        events: Sequence[Event], goal: str = "purchase", users: Sequence[User] = (), config: Any = CONFIG
    ) -> Impressions:
        small.write(home, events, (), users)
        ranker = RankerConfig(goal=goal)
        return read_impressions(OfflineStore(home), small.start + 30 * DAY, SHOPPERS, config, ranker)

    return read_them


def test_seen_items_become_rows_with_the_features_positions_and_grades_of_their_list(
    read: Any, small: Any
) -> None:
    at = small.start
    found = read(
        [
            served("L", at),
            *seen("L", "abcd", at + 1),
            event(EventType.CLICK, "b", at + HOUR, recomm_id="L"),
            event(EventType.CLICK, "c", at + HOUR, recomm_id="L"),
            event(EventType.PURCHASE, "c", at + 100 * HOUR),
            event(EventType.CLICK, "d", at + 30 * HOUR, recomm_id="L"),  # too late for a click
        ]
    )
    (example,) = found.examples
    assert example.user == SHOPPERS.code("ann")
    assert example.positions is not None
    assert example.positions.tolist() == [1, 2, 3, 4]
    assert example.matrix[0].tolist() == example.rule.tolist() == [0, 10, 20, 30]
    assert example.matrix.shape == (len(FEATURES), 4)
    assert example.grades.tolist() == [0, 2, 5, 0]
    assert example.wanted == pytest.approx(1 + 1 / np.log2(3))
    assert (found.lists, found.seen, found.followed) == (1, 4, {"click": 2, "purchase": 1})


def test_what_was_not_seen_is_no_row(read: Any, small: Any) -> None:
    events = [served("L", small.start), *seen("L", "ac", small.start)]
    events.append(event(EventType.CLICK, "c", small.start + 5, recomm_id="L"))
    (example,) = read(events).examples
    assert example.matrix[0].tolist() == [0, 20]
    assert example.positions is not None
    assert example.positions.tolist() == [1, 3]


def test_the_goal_decides_what_a_purchase_is_worth(read: Any, small: Any) -> None:
    at = small.start
    events = [served("L", at), *seen("L", "abc", at), event(EventType.CLICK, "a", at + 1)]
    events.append(event(EventType.PURCHASE, "b", at + 1))
    (example,) = read(events, goal="click").examples
    assert example.grades.tolist() == [2, 2, 0]


def test_a_purchase_counts_once_for_the_list_that_showed_the_item_last(read: Any, small: Any) -> None:
    at = small.start
    found = read(
        [
            *(served(name, at + n) for n, name in enumerate(("L", "M"))),
            *seen("L", "ab", at + 10),
            *seen("M", "ab", at + 20),
            event(EventType.PURCHASE, "a", at + 30),
        ]
    )
    assert found.followed == {"purchase": 1}
    assert len(found.examples) == 1


def test_a_returned_purchase_is_no_label(read: Any, small: Any) -> None:
    at = small.start
    bought = [event(EventType.PURCHASE, "a", at + 9), event(EventType.RETURN, "a", at + DAY)]
    found = read([served("L", at), *seen("L", "ab", at), *bought])
    assert (found.examples, found.followed) == ((), {})


def test_forged_ids_are_refused_counted_and_do_no_harm(read: Any, small: Any) -> None:
    at = small.start
    honest = [
        served("L", at),
        *seen("L", "ab", at + 1),
        event(EventType.CLICK, "a", at + 9, recomm_id="L"),
        event(EventType.CART, "b", at + 99),
    ]
    forged = [
        *seen("nobody-served-this", "ab", at + 5),
        *seen("L", "ab", at + 6, user="ben"),
        *seen("L", "z", at + 7),
        event(EventType.PURCHASE, "b", at + 8, recomm_id="nobody-served-this"),
    ]
    plain, attacked = read(honest), read(forged)
    assert attacked.refused == {
        "impressions of a list nobody served": 2,
        "impressions of another shopper's list": 2,
        "items seen in a list that did not hold them": 1,
        "events that cite a list nobody served": 1,
        "lists without features to learn from": 0,
    }
    assert plain.examples[0].grades.tolist() == attacked.examples[0].grades.tolist() == [2, 3]
    assert plain.followed == attacked.followed == {"click": 1, "cart": 1}


def test_test_events_and_those_who_refused_training_are_left_out(read: Any, small: Any) -> None:
    at = small.start
    clicked = [
        event(EventType.CLICK, "a", at + 9, user, recomm_id=name)
        for user, name in (("ann", "L"), ("ben", "M"))
    ]
    events = [
        *(replace(row, test=True) for row in [served("L", at), *seen("L", "ab", at)]),
        *[served("M", at, "ben"), *seen("M", "ab", at, "ben"), *clicked],
    ]
    refuses = User(user_id="ben", consent=Consent(train=False))
    assert read(events, users=[refuses]).lists == 0


def test_a_session_is_a_shopper_and_becomes_one(read: Any, small: Any) -> None:
    at = small.start
    found = read(
        [
            served("L", at, None, session_id="s"),
            *seen("L", "ab", at, None, session_id="s"),
            event(EventType.PURCHASE, "b", at + 9, "cem", session_id="s"),
        ]
    )
    (example,) = found.examples
    assert example.grades.tolist() == [0, 5]
    assert example.user >= len(SHOPPERS)


def test_features_of_another_code_are_not_learned_from(read: Any, small: Any) -> None:
    at = small.start
    old = served("L", at, features={"digest": "0123456789abcdef"})
    found = read([old, *seen("L", "ab", at), event(EventType.CLICK, "a", at + 1)])
    assert (found.examples, found.lists) == ((), 1)
    assert found.refused is not None
    assert found.refused["lists without features to learn from"] == 1


def test_nothing_from_the_end_on_is_read(read: Any, small: Any) -> None:
    at = small.start + 30 * DAY
    found = read([served("L", at - 9), *seen("L", "ab", at - 8), event(EventType.CLICK, "a", at)])
    assert (found.lists, found.followed) == (1, {})


def test_a_list_in_which_nothing_or_everything_is_wanted_teaches_no_order(read: Any, small: Any) -> None:
    at = small.start
    events = [served("L", at), *seen("L", "a", at), event(EventType.CLICK, "a", at + 1)]
    assert read(events).examples == ()


def test_the_sentence_says_what_there_is_and_what_is_missing(read: Any, small: Any) -> None:
    assert "none" in Impressions().sentence(CONFIG)
    at = small.start
    found = read(
        [served("L", at), *seen("L", "ab", at), *seen("X", "ab", at), event(EventType.CLICK, "a", at + 1)]
    )
    said = found.sentence(CONFIG)
    assert said.startswith("impression labels: 2 seen items in 1 lists with 1 clicks; 1 lists teach, too few")
    assert "2 impressions of a list nobody served" in said


def test_hours_name_events_that_say_something() -> None:
    for hours in ({"return": 5}, {"click": 0}, {"unknown": 1}):
        with pytest.raises(ValueError, match="hours above 0"):
            ImpressionsConfig(hours=hours)


def visits(shop: Shop, folder: Path, small: Any, lists: int) -> Iterator[Event]:
    """Lists of a real release, seen to their fifth item; most shoppers click one of them."""
    dice, pipeline = random.Random(4), Pipeline.load(folder)
    rows = shop.dataset().interactions.over(pipeline.vocabulary)
    for number in range(lists):
        code, at = number % 60, small.start + (100 + number % 18) * DAY + number
        known = rows.before(at)
        (past,) = known.per_user([code])
        history = History(known.item[past], known.type[past], known.time[past])
        answer = pipeline.recommend(Query(as_of=at, history=history, log_features=True))
        user, name = rows.users[code], f"list-{number}"
        items = pipeline.vocabulary.decode(answer.items)
        yield served(name, at, user, items, features=detail_of(logged_of([answer])))
        yield from seen(name, items[:5], at + 1, user)
        if dice.random() < 0.9:
            yield event(EventType.CLICK, items[dice.randrange(3)], at + 2, user, recomm_id=name)


@pytest.mark.xdist_group("training")
def test_a_shop_that_logs_what_was_seen_learns_from_it_and_says_so(
    shop: Shop, small: Any, steps: Steps
) -> None:
    first = train(shop, Options(evaluation=False), steps)
    assert first.manifest.data["stage"] == "next-event"
    assert first.fitted.choices[-1].startswith("impression labels: none")
    folder = shop.release_folder(first.manifest.release_id)
    EventLog(shop.settings.home / "events").append(
        events_to_table([*visits(shop, folder, small, 250)]), "seen"
    )
    config = shop.config.model_copy(update={"impressions": ImpressionsConfig(least_lists=100)})
    with open_shop(shop.settings, config) as again:
        second = train(again, Options(evaluation=False), steps)
    assert second.manifest.data["stage"] == "impression"
    assert "1,250 seen items in 250 lists" in second.fitted.choices[-1]
    assert first.fitted.lesson is not None
    assert second.fitted.lesson is not None
    assert second.fitted.lesson.questions > first.fitted.lesson.questions + 100
