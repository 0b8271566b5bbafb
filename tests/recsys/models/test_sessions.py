"""The index of past sessions, checked entry by entry on logs small enough to write down."""

from pathlib import Path

import numpy as np
import pytest

from recsys.interactions import Interactions
from recsys.models.sessions import Sessions, SessionsConfig
from recsys.types import EVENT_CODES, EventType
from recsys.vocabulary import Vocabulary

VIEW = EVENT_CODES[EventType.VIEW]
ARRAYS = (
    "offsets",
    "items",
    "places",
    "weights",
    "starts",
    "postings",
    "matched",
    "match_weights",
    "item_weights",
)
Row = tuple[int, int, int, int]


def log(*rows: Row, items: int = 5) -> Interactions:
    """Rows of (user, session, item, time)."""
    columns = np.array(rows, np.int64).reshape(-1, 4)
    users = int(columns[:, 0].max(initial=-1)) + 1
    return Interactions.sort(
        users=Vocabulary([f"u{number}" for number in range(users)]),
        items=Vocabulary([f"i{number}" for number in range(items)]),
        columns=(
            columns[:, 0].astype(np.int32),
            columns[:, 2].astype(np.int32),
            np.full(len(columns), VIEW, np.int8),
            columns[:, 3],
            columns[:, 1].astype(np.int32),
            np.ones(len(columns), np.float32),
        ),
    )


def held(model: Sessions, session: int) -> list[tuple[int, int]]:
    """(item, step) of a session's entries."""
    entries = slice(int(model.offsets[session]), int(model.offsets[session + 1]))
    return list(zip(model.items[entries].tolist(), model.places[entries].tolist(), strict=True))


def postings(model: Sessions, item: int) -> list[tuple[int, int]]:
    """(session, step in it) of an item's postings."""
    rows = slice(int(model.starts[item]), int(model.starts[item + 1]))
    return list(zip(model.postings[rows].tolist(), model.matched[rows].tolist(), strict=True))


def test_sessions_are_numbered_by_their_newest_event_whatever_their_codes() -> None:
    model = Sessions.fit(log((0, 7, 0, 50), (0, 7, 1, 60), (1, 3, 2, 90), (2, 5, 0, 10)), SessionsConfig())
    assert [held(model, session) for session in range(3)] == [[(0, 0)], [(0, 0), (1, 1)], [(2, 0)]]
    assert postings(model, 0) == [(1, 0), (0, 0)]
    assert postings(model, 4) == []


def test_a_repeated_item_is_held_once_at_its_first_step() -> None:
    model = Sessions.fit(log((0, 0, 3, 1), (0, 0, 2, 2), (0, 0, 3, 3), (0, 0, 1, 4)), SessionsConfig())
    assert [item for item, _ in held(model, 0)] == [3, 2, 1]


def test_the_items_of_a_basket_share_one_step() -> None:
    model = Sessions.fit(log((0, 0, 4, 9), (0, 0, 1, 9), (0, 0, 2, 12)), SessionsConfig())
    assert sorted(held(model, 0)) == [(1, 0), (2, 1), (4, 0)]


def test_of_a_large_session_the_newest_items_stay() -> None:
    rows = tuple((0, 0, item, item) for item in range(5))
    model = Sessions.fit(log(*rows), SessionsConfig(largest_session=2))
    assert held(model, 0) == [(3, 0), (4, 1)]


def test_an_item_remembers_its_newest_sessions() -> None:
    rows = tuple((session, session, 0, session) for session in range(4))
    model = Sessions.fit(log(*rows), SessionsConfig(sessions_per_item=2))
    assert postings(model, 0) == [(3, 0), (2, 0)]


def test_weights_follow_recency_and_size() -> None:
    rows = ((0, 0, 0, 1), (0, 0, 1, 2), (0, 0, 2, 3), (0, 0, 3, 4), (1, 1, 0, 9))
    model = Sessions.fit(log(*rows), SessionsConfig(half_life=0.5, size_exponent=0.5))
    assert model.weights.tolist() == pytest.approx([0.5 * 0.5, 1.0])


def test_an_item_that_many_sessions_held_says_and_gets_less() -> None:
    rows = tuple((session, session, 0, session) for session in range(4))
    model = Sessions.fit(log(*rows), SessionsConfig(match_exponent=0.5, item_exponent=1, sessions_per_item=1))
    assert model.match_weights[:2].tolist() == pytest.approx([4**-0.5, 1])
    assert model.item_weights[:2].tolist() == pytest.approx([1 / 4, 1])


def test_no_array_grows_with_the_shoppers() -> None:
    rows = ((0, 0, 0, 1), (0, 0, 1, 2))
    alone = Sessions.fit(log(*rows), SessionsConfig())
    crowd = log(*rows)
    many = Interactions(Vocabulary([f"u{n}" for n in range(99)]), crowd.items, crowd.user, crowd.item,
                        crowd.type, crowd.time, crowd.session, crowd.quantity)  # fmt: skip
    for name in ARRAYS:
        np.testing.assert_array_equal(
            getattr(Sessions.fit(many, SessionsConfig()), name), getattr(alone, name)
        )


def test_an_empty_log_gives_an_empty_index() -> None:
    model = Sessions.fit(log(), SessionsConfig())
    assert len(model) == 0
    assert [postings(model, item) for item in range(5)] == [[]] * 5


def test_what_is_saved_comes_back_equal_and_read_only(tmp_path: Path) -> None:
    fitted = Sessions.fit(log((0, 0, 0, 1), (0, 0, 1, 2), (1, 1, 1, 5)), SessionsConfig(half_life=0.7))
    fitted.save(tmp_path)
    loaded = Sessions.load(tmp_path)
    assert loaded.config == fitted.config
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(loaded, name), getattr(fitted, name))
        assert not getattr(loaded, name).flags.writeable


def test_the_same_log_gives_the_same_index_in_any_row_order() -> None:
    rng = np.random.default_rng(3)
    rows = [(int(u), int(u), int(i), t) for t, (u, i) in enumerate(rng.integers(0, 5, (60, 2)))]
    one = Sessions.fit(log(*rows), SessionsConfig())
    other = Sessions.fit(log(*(rows[place] for place in rng.permutation(60))), SessionsConfig())
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
