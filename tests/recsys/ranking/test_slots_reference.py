"""What the compiled parts of the slots find equals what whole columns find, on thousands of random histories."""

from dataclasses import replace

import numpy as np
import pytest

from recsys.history import EMPTY_HISTORY, History
from recsys.item_set import ItemSet
from recsys.kinds import POSITIVE
from recsys.models.repeats import Repeats
from recsys.query import Query
from recsys.ranking.order import Ranking
from recsys.ranking.slots import SlotRule, SlotsConfig, slot_rule
from recsys.retrieval.gates import Gates
from recsys.standing import standing_purchases
from recsys.types import EVENT_CODES, EventType
from recsys.weights import DAY_MS

N = 50
KINDS = [
    EVENT_CODES[kind] for kind in (EventType.PURCHASE, EventType.RETURN, EventType.CANCEL, EventType.VIEW)
]
REPEATS = Repeats(np.linspace(0, 0.1, N, dtype=np.float32), np.full(N, 9, np.float32))
CONFIG = SlotsConfig()


def history_of(generator: np.random.Generator) -> History:
    size = int(generator.integers(0, 60))
    items = generator.integers(0, generator.choice((1, 5, N)), size).astype(np.int32)
    kinds = generator.choice(KINDS, size) if generator.random() < 0.7 else generator.integers(0, 16, size)
    hours = np.sort(generator.integers(0, generator.choice((1, 100, 5_000)), size))
    return History(items, kinds.astype(np.int8), hours * 3_600_000)


def bought(history: History) -> dict[int, tuple[int, int]]:
    """Time of the last standing purchase and number of its days by item."""
    found: dict[int, list[int]] = {}
    stands = standing_purchases(history.items.astype(np.int64), history.types)
    for item, time in zip(history.items[stands].tolist(), history.times[stands].tolist(), strict=True):
        found.setdefault(item, []).append(time)
    return {item: (max(times), len({time // DAY_MS for time in times})) for item, times in found.items()}


def again(item: int, days: int) -> bool:
    return bool(REPEATS.rate[item] >= CONFIG.consumable_rate) or days > 1


def gates_of(rule: SlotRule) -> dict[str, np.ndarray]:
    """What may pass each gate of a slot where everything is eligible."""
    gates = Gates(ItemSet(np.ones(N, bool)))
    rule.close(gates)
    return {name: gates[name] for name in gates if name != "ineligible"}


def closed(gate: np.ndarray | None) -> set[int]:
    return set() if gate is None else set(np.flatnonzero(~gate).tolist())


@pytest.mark.parametrize("seed", range(4))
def test_home_and_the_shelf_close_what_the_reference_closes(seed: int) -> None:
    generator = np.random.default_rng(seed)
    for _ in range(500):
        history = history_of(generator)
        asked = Query(as_of=0, slot="home", history=history)
        dealt = bought(history)
        newest = int(history.times[-1]) if len(history) else 0
        hidden = {
            item
            for item, (last, days) in dealt.items()
            if newest - last <= CONFIG.recent_days * DAY_MS and not again(item, days)
        }
        home = gates_of(slot_rule(asked, REPEATS, CONFIG))
        assert closed(home.get("bought_recently")) == hidden
        shelf = gates_of(slot_rule(replace(asked, slot="buy-again"), REPEATS, CONFIG))
        assert closed(shelf["never_bought"]) == set(range(N)) - set(dealt)
        once = {item for item, (_, days) in dealt.items() if not again(item, days)}
        assert closed(shelf["bought_once_only"]) == once


@pytest.mark.parametrize("seed", range(4))
def test_home_holds_back_what_the_reference_holds_back(seed: int) -> None:
    generator = np.random.default_rng(seed)
    for _ in range(500):
        history = history_of(generator)
        home = slot_rule(Query(as_of=0, slot="home", history=history), REPEATS, CONFIG)
        codes = generator.permutation(N)[: int(generator.integers(0, N + 1))].astype(np.int32)
        scores = np.sort(generator.random(len(codes)))[::-1].astype(np.float32)
        num = int(generator.integers(1, 30))
        ranking, held_back = home.order(Ranking(codes, scores), num)
        wanted = np.unique(history.items[POSITIVE[history.types]])
        np.testing.assert_array_equal(home.seen(), wanted)
        seen = np.isin(codes, wanted)
        over = seen & (np.cumsum(seen) > CONFIG.seen_among(num))
        order = np.argsort(over, kind="stable")
        np.testing.assert_array_equal(ranking.codes, codes[order])
        np.testing.assert_array_equal(ranking.scores, scores[order])
        assert held_back == over.sum()


def test_an_event_code_that_this_code_does_not_know_is_nothing() -> None:
    kinds = np.array([-1, 100, 127], np.int8)
    history = replace(EMPTY_HISTORY, items=np.arange(3, dtype=np.int32), types=kinds, times=np.arange(3))
    home = slot_rule(Query(as_of=0, slot="home", history=history), REPEATS, CONFIG)
    assert not gates_of(home) and not len(home.seen())
