"""The reason of an item is the source that adds most to its score, and only sources that won an item are asked."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from recsys.history import EMPTY_HISTORY, History
from recsys.query import Reason
from recsys.ranking.order import Ranking
from recsys.ranking.reasons import reasons
from recsys.ranking.said import Said
from recsys.types import EVENT_CODES, EventType

NAMES = ("own", "sessions", "taste", "together", "trending")
WEIGHTS = {"own": 1.0, "sessions": 0.2, "taste": 0.5, "together": 0.02}


@dataclass
class Speaking:
    """Scores whose reason for item n is item offset + n."""

    offset: int
    asked: list[int] = field(default_factory=list)

    def top(self, n: int, allowed: object) -> np.ndarray:
        raise AssertionError

    def at(self, codes: np.ndarray) -> np.ndarray:
        raise AssertionError

    def because(self, codes: np.ndarray) -> np.ndarray:
        self.asked += codes.tolist()
        return codes + np.int32(self.offset)


def reference(
    items: np.ndarray,
    added: dict[str, np.ndarray],
    scores: dict[str, Speaking],
    history: History,
    segment: bool,
) -> list[Reason]:
    """Every source asked about every item, one item after the other."""
    because = {name: scores[name].because(items) for name in added}
    buys = history.items[history.types == EVENT_CODES[EventType.PURCHASE]]
    found = []
    for place, item in enumerate(items.tolist()):
        name = max(added, key=lambda name: float(added[name][place]))
        seed = int(because[name][place])
        if added[name][place] <= 0:
            found.append(Reason("trending"))
        elif name == "own":
            found.append(Reason("bought_before" if item in buys else "viewed_before", item))
        elif name == "taste":
            found.append(Reason("segment" if segment else "taste"))
        elif name == "trending":
            found.append(Reason("trending"))
        else:
            found.append(Reason(name, seed))
    return found


@pytest.mark.parametrize("seed", range(3))
def test_reasons_equal_the_reference_and_ask_only_who_won(seed: int) -> None:
    generator = np.random.default_rng(seed)
    for _ in range(300):
        count = int(generator.integers(0, 40))
        codes = np.sort(generator.permutation(1000)[:count]).astype(np.int32)
        features = {
            name: (generator.random(count) * (generator.random(count) < 0.5)).astype(np.float32)
            for name in NAMES
        }
        values = generator.choice((0.0, 0.5, 1.0), count).astype(np.float32)
        shown = Ranking(codes, values, Said.of(features, count)).sorted().head(10)
        shown = shown.filled(np.arange(2000, 2003, dtype=np.int32))
        past = generator.permutation(codes)[:20]
        kinds = generator.integers(0, len(EVENT_CODES), len(past)).astype(np.int8)
        history = History(past, kinds, np.arange(len(kinds)))
        speaking = {name: Speaking(1000 * row) for row, name in enumerate(NAMES)}
        segment = bool(generator.integers(2))
        weights = np.array([WEIGHTS.get(name, 0) for name in NAMES], np.float32)
        found = reasons(shown, weights, speaking, history, from_attributes=segment)
        won = {reason.code for reason in found}
        assert {name for name in NAMES if speaking[name].asked} == won & {"sessions", "together"}
        added = {name: np.float32(WEIGHTS.get(name, 0)) * said for name, said in shown.features.items()}
        assert list(found) == reference(shown.codes, added, speaking, history, segment)


def test_nothing_shown_has_no_reasons() -> None:
    nobody = Ranking(np.empty(0, np.int32), np.empty(0, np.float32))
    assert reasons(nobody, np.empty(0, np.float32), {}, EMPTY_HISTORY, from_attributes=False) == ()


def test_columns_follow_any_orders_heads_and_fillings() -> None:
    generator = np.random.default_rng(5)
    for _ in range(300):
        count = int(generator.integers(1, 50))
        codes = np.sort(generator.permutation(100)[:count]).astype(np.int32)
        said, boosts = generator.random(100).astype(np.float32), generator.random(100).astype(np.float32)
        scores = generator.choice((0.25, 0.5, 0.75), count).astype(np.float32)
        ranking = Ranking(codes, scores, Said.of({"own": said[codes]}, count), boosts[codes]).sorted()
        expected = codes[np.lexsort((codes, -scores))]
        for _ in range(3):
            order = generator.permutation(len(expected))
            ranking, expected = ranking.take(order).head(30), expected[order][:30]
            np.testing.assert_array_equal(ranking.codes, expected)
            np.testing.assert_array_equal(ranking.features["own"], said[expected])
            np.testing.assert_array_equal(ranking.boosts, boosts[expected])
        more = ranking.filled(np.array([200, 201], np.int32))
        assert more.codes.tolist() == [*expected.tolist(), 200, 201]
        assert more.features["own"].tolist() == [*said[expected].tolist(), 0, 0]
        assert more.boosts.tolist() == [*boosts[expected].tolist(), 1, 1]
        assert more.rows.tolist() == [*np.searchsorted(codes, expected).tolist(), -1, -1]
        assert Ranking(codes, scores).filled(np.array([200], np.int32)).boosts.tolist() == [1] * (count + 1)
