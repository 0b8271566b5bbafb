import pytest

from feature_store.online.memory import MemoryOnlineStore
from recsys.types import Event, EventType
from serving.errors import Forbidden
from serving.lists.feedback import EventIntake
from serving.observability import Metrics

NOW = 1_790_000_000_000


def row(number: int, **more: object) -> dict[str, object]:
    return {
        "event_id": f"e{number}",
        "type": "view",
        "user_id": "u",
        "item_id": "a",
        "timestamp": NOW,
        **more,
    }


def everybody(_: Event) -> None:
    """Refuses nothing."""


def test_rows_are_stored_with_the_time_they_arrived() -> None:
    store = MemoryOnlineStore()
    taken = EventIntake(store, Metrics(), lambda: NOW + 5).take([row(1), row(2)], everybody)
    assert (taken.accepted, taken.duplicates, taken.rejected) == (2, 0, ())
    assert [event.received_at for _, event in store.read_stream("0", 10)] == [NOW + 5, NOW + 5]


def test_rejected_rows_keep_their_places_and_conflicts_are_among_them() -> None:
    store = MemoryOnlineStore()
    intake = EventIntake(store, Metrics(), lambda: NOW)
    rows = [row(1), row(2, price=-1), row(1, item_id="b"), row(3, type="served"), row(1)]
    taken = intake.take(rows, everybody)
    assert (taken.accepted, taken.duplicates) == (1, 1)
    assert [(each.index, each.code) for each in taken.rejected] == [
        (1, "out_of_range"),
        (2, "conflict"),
        (3, "server_only"),
    ]


def test_a_refusal_stores_nothing_at_all() -> None:
    store = MemoryOnlineStore()

    def no_purchases(event: Event) -> None:
        if event.type is EventType.PURCHASE:
            raise Forbidden("no")

    with pytest.raises(Forbidden):
        EventIntake(store, Metrics(), lambda: NOW).take([row(1), row(2, type="purchase")], no_purchases)
    assert store.read_stream("0", 10) == []


def test_verdicts_are_counted() -> None:
    metrics = Metrics()
    EventIntake(MemoryOnlineStore(), metrics, lambda: NOW).take([row(1), row(1), row(2, price=-1)], everybody)
    text = metrics.render().decode()
    for verdict in ("accepted", "duplicate", "rejected"):
        assert f'recsys_events_total{{verdict="{verdict}"}} 1.0' in text
