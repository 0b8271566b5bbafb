"""Training rows hold what was known then: a planted event of the future, and one that came late, change none."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from feature_store.engines import Tables
from feature_store.engines.duck import DuckEngine
from feature_store.log import EventLog
from feature_store.log.parts import DAY
from feature_store.records.codec import events_to_table
from feature_store.views.point_in_time import training_rows
from feature_store.views.standard import VIEWS
from feature_store.views.testing import START
from recsys.errors import InputError
from recsys.types import Event, EventType

VIEW = VIEWS["user_activity"]
CUTS = [START + day * DAY for day in (1, 2, 3)]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DuckEngine]:
    with DuckEngine("1GB", 2, tmp_path / "scratch") as opened:
        yield opened


def view_event(name: str, timestamp: int, received_at: int) -> Event:
    return Event(
        event_id=name,
        type=EventType.VIEW,
        timestamp=timestamp,
        received_at=received_at,
        user_id="客户",
        item_id="i",
    )


def stream(home: Path, *events: Event) -> None:
    ordered = sorted(events, key=lambda event: event.received_at or 0)
    entries = [(f"{event.received_at}-0", event) for event in ordered]
    EventLog(home / "events").write_stream_batch(entries)


def rows(home: Path, engine: DuckEngine, *times: int) -> list[dict[str, object]]:
    questions = pa.table(
        {"user_id": ["客户"] * len(times), "at": list(times), "label": list(range(len(times)))}
    )
    return training_rows(VIEW, questions, CUTS, lambda cut: Tables(engine, home, cut)).to_pylist()


def test_a_question_gets_the_newest_cut_at_or_before_it(tmp_path: Path, engine: DuckEngine) -> None:
    stream(tmp_path, view_event("a", START + 5, START + 6), view_event("b", START + DAY, START + DAY + 1))
    found = rows(tmp_path, engine, CUTS[0] - 1, CUTS[0], CUTS[1] - 1, CUTS[1], CUTS[2] + 9)
    assert [row["feature_until"] for row in found] == [None, CUTS[0], CUTS[0], CUTS[1], CUTS[2]]
    assert [row["events"] for row in found] == [None, 1, 1, 2, 2]
    assert [row["label"] for row in found] == [0, 1, 2, 3, 4]


def test_a_planted_future_or_late_event_changes_no_row_before_it_was_known(
    tmp_path: Path, engine: DuckEngine
) -> None:
    known = view_event("a", START + 5, START + 6)
    times = (CUTS[0], CUTS[0] + 7, CUTS[1], CUTS[1] + 7, CUTS[2])
    stream(tmp_path / "clean", known)
    stream(
        tmp_path / "planted",
        known,
        view_event("future", CUTS[1] + 1, CUTS[1] + 2),
        view_event("late", START + 50, CUTS[1] + 3),
    )
    clean, planted = (rows(tmp_path / name, engine, *times) for name in ("clean", "planted"))
    assert planted[:4] == clean[:4]
    assert planted[4]["events"] == 3


def test_the_test_of_leaks_would_catch_one(tmp_path: Path, engine: DuckEngine) -> None:
    """Ignoring arrival, as an imported file does, lets the late event into rows before it was known."""
    log = EventLog(tmp_path / "events")
    late = [view_event("a", START + 5, START + 6), view_event("late", START + 50, CUTS[1] + 3)]
    log.append(events_to_table(late), "import")
    assert rows(tmp_path, engine, CUTS[0])[0]["events"] == 2


def test_a_value_is_not_used_beyond_its_time_to_live(tmp_path: Path, engine: DuckEngine) -> None:
    stream(tmp_path, view_event("a", START + 5, START + 6))
    last = CUTS[-1] + VIEW.ttl_days * DAY
    found = rows(tmp_path, engine, last, last + 1)
    assert [row["feature_until"] for row in found] == [CUTS[-1], None]


def test_without_cuts_there_is_nothing_to_join(tmp_path: Path, engine: DuckEngine) -> None:
    questions = pa.table({"user_id": ["u"], "at": [START]})
    with pytest.raises(InputError, match="cut"):
        training_rows(VIEW, questions, [], lambda cut: Tables(engine, tmp_path, cut))
