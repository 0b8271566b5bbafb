from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from feature_store.errors import LogError
from feature_store.log import AppendResult, EventLog
from feature_store.log.parts import DAY
from feature_store.records.codec import events_from_table, events_to_table
from feature_store.records.schemas import EVENT_SCHEMA
from recsys.errors import InputError
from recsys.types import Event, EventType

MIDNIGHT = 20_000 * DAY


def event(number: int, day: int = 0, user: str = "客户", **changes: Any) -> Event:
    plain = Event(
        event_id=f"e{number}",
        type=EventType.VIEW,
        timestamp=MIDNIGHT + day * DAY + number,
        user_id=user,
        item_id="杯子",
    )
    return replace(plain, **changes)


@pytest.fixture
def log(tmp_path: Path) -> EventLog:
    return EventLog(tmp_path / "events")


def append(log: EventLog, *events: Event) -> AppendResult:
    return log.append(events_to_table(events), "test")


def stream(log: EventLog, *entries: tuple[int, Event]) -> AppendResult:
    return log.write_stream_batch([(f"{number}-0", event) for number, event in entries])


def stored(log: EventLog) -> list[Event]:
    return events_from_table(log.scan())


def ids(log: EventLog) -> list[str]:
    return sorted(event.event_id for event in stored(log))


def test_nothing_is_created_by_looking(log: EventLog) -> None:
    assert log.scan().num_rows == 0
    assert log.scan().schema.equals(EVENT_SCHEMA)
    assert log.days() == []
    assert not log.root.exists()


def test_appended_events_come_back_as_they_were(log: EventLog) -> None:
    given = [
        event(1, price=3.5, context={"page": "首页"}, source={"utm_source": "x"}),
        event(2, day=1, session_id="s", test=True, received_at=MIDNIGHT),
        event(3, type=EventType.SERVED, user_id=None, item_id=None, detail={"items": ["a"]}),
    ]
    assert append(log, *given) == AppendResult(added=3, duplicates=0)
    assert sorted(stored(log), key=lambda found: found.event_id) == given


def test_an_event_lies_in_the_folder_of_its_utc_day(log: EventLog) -> None:
    append(log, event(0), event(1, timestamp=MIDNIGHT - 1))
    assert sorted(path.name for path in log.root.iterdir() if path.is_dir()) == [
        "day=2024-10-03",
        "day=2024-10-04",
    ]


def test_appending_again_adds_nothing(log: EventLog) -> None:
    given = [event(number, day=number % 3) for number in range(9)]
    append(log, *given)
    files = log.files()
    assert append(log, *reversed(given)) == AppendResult(added=0, duplicates=9)
    assert log.files() == files


def test_only_the_new_rows_of_a_longer_file_are_added(log: EventLog) -> None:
    append(log, event(1), event(2))
    assert append(log, event(1), event(2), event(3), event(4, day=1)) == AppendResult(2, 2)
    assert ids(log) == ["e1", "e2", "e3", "e4"]


def test_arriving_at_another_time_is_no_conflict(log: EventLog) -> None:
    append(log, event(1, received_at=1))
    assert append(log, event(1, received_at=2)) == AppendResult(0, 1)


@pytest.mark.parametrize(
    "other",
    [
        {"price": 2.0},
        {"item_id": None, "sku": "杯子"},
        {"context": {"a": 1}},
        {"timestamp": MIDNIGHT + 2},
        {"timestamp": MIDNIGHT + DAY},
        {"test": True},
    ],
)
def test_a_known_id_with_other_content_is_a_conflict_and_the_first_stays(
    log: EventLog, other: dict[str, Any]
) -> None:
    append(log, event(1), event(9, day=1))
    changed = event(1, **other)
    result = append(log, event(2), changed, event(3, day=1))
    assert (result.added, result.duplicates, result.conflict_rows) == (2, 0, (1,))
    assert [found for found in stored(log) if found.event_id == "e1"] == [event(1)]


def test_repeats_within_a_table_are_told_from_conflicts(log: EventLog) -> None:
    result = append(log, event(1), event(1), event(1, price=2.0), event(2), event(2, day=1))
    assert result == AppendResult(added=2, duplicates=1, conflict_rows=(2, 4))
    assert result.conflicts == 2


def test_a_repeat_of_a_stored_conflict_is_again_a_conflict(log: EventLog) -> None:
    append(log, event(1))
    assert append(log, event(1, price=1.0), event(1, price=1.0)).conflict_rows == (0,)


def test_columns_may_be_missing_from_an_import(log: EventLog) -> None:
    log.append(events_to_table([event(1)]).select(["event_id", "type", "timestamp", "user_id"]), "x")
    assert stored(log) == [event(1, item_id=None)]


def test_a_scan_takes_a_range_columns_and_a_condition(log: EventLog) -> None:
    append(log, *(event(number, day=number) for number in range(4)))
    chosen = log.scan(MIDNIGHT + DAY + 1, MIDNIGHT + 3 * DAY + 3, ["event_id"])
    assert chosen.column_names == ["event_id"]
    assert chosen.column("event_id").to_pylist() == ["e1", "e2"]
    assert log.scan(where=ds.field("event_id") == "e3").num_rows == 1


def test_rows_lie_by_shopper_session_and_time(log: EventLog) -> None:
    given = [event(4, user="b"), event(3, user="a"), event(2, user="b"), event(1, user="a", session_id="s")]
    append(log, *given)
    assert [found.event_id for found in stored(log)] == ["e3", "e1", "e2", "e4"]


def test_a_batch_of_the_stream_is_written_once(log: EventLog) -> None:
    batch = [(1, event(1)), (2, event(2, day=1)), (3, event(3))]
    assert stream(log, *batch) == AppendResult(3, 0)
    assert stream(log, *batch) == AppendResult(0, 3)
    assert ids(log) == ["e1", "e2", "e3"]


def test_a_batch_goes_on_where_each_day_stopped(log: EventLog) -> None:
    stream(log, (1, event(1)), (4, event(4, day=1)))
    assert stream(log, (1, event(1)), (2, event(2)), (4, event(4, day=1)), (5, event(5, day=1))).added == 2
    assert ids(log) == ["e1", "e2", "e4", "e5"]


def test_a_late_event_of_an_old_day_is_written(log: EventLog) -> None:
    stream(log, (1, event(1, day=5)))
    assert stream(log, (2, event(2, day=0))).added == 1


def test_the_stream_does_not_add_what_an_import_brought(log: EventLog) -> None:
    append(log, event(1))
    assert stream(log, (1, event(1)), (2, event(2)), (3, event(2))) == AppendResult(1, 2)
    assert ids(log) == ["e1", "e2"]


def test_an_import_does_not_add_what_the_stream_brought(log: EventLog) -> None:
    stream(log, (1, event(1)))
    assert append(log, event(1), event(1, price=1.0)).conflict_rows == (1,)
    assert ids(log) == ["e1"]


def test_stream_entries_must_ascend(log: EventLog) -> None:
    with pytest.raises(InputError, match="ascending"):
        stream(log, (2, event(1)), (1, event(2)))


def test_an_empty_batch_is_nothing(log: EventLog) -> None:
    assert stream(log) == AppendResult(0, 0)


def test_compacting_a_day_keeps_events_and_position(log: EventLog) -> None:
    append(log, event(0))
    for number in (1, 2, 3):
        stream(log, (number, event(number)))
    day = MIDNIGHT // DAY
    assert log.compact(day) == 3
    assert [path.name for path in log.files()][1:] == ["stream-1-0-3-0.parquet"]
    assert ids(log) == ["e0", "e1", "e2", "e3"]
    assert stream(log, (3, event(3)), (4, event(4))) == AppendResult(1, 1)
    assert log.compact(day + 7) == 0


def test_a_compaction_that_was_cut_short_duplicates_nothing(log: EventLog) -> None:
    for number in (1, 2):
        stream(log, (number, event(number)))
    kept = {path: path.read_bytes() for path in log.files()}
    log.compact(MIDNIGHT // DAY)
    for path, content in kept.items():
        path.write_bytes(content)
    assert ids(log) == ["e1", "e2"]
    assert log.compact(MIDNIGHT // DAY) == 2
    assert ids(log) == ["e1", "e2"]


def test_erasing_takes_a_shopper_out_and_keeps_the_position(log: EventLog) -> None:
    append(log, event(1, user="gone"), event(2, user="stays"))
    stream(log, (1, event(3, user="gone")), (2, event(4, user="stays", session_id="s")))
    stream(log, (3, event(5, day=1, user="gone")))
    assert log.erase(["gone"]) == 3
    assert ids(log) == ["e2", "e4"]
    assert stream(log, (3, event(5, day=1, user="gone"))) == AppendResult(0, 1)
    assert log.erase([], ["s"]) == 1
    assert log.erase(["gone"]) == 0


def test_a_damaged_part_is_a_clear_error(log: EventLog) -> None:
    append(log, event(1))
    log.files()[0].write_bytes(b"PAR1 broken")
    with pytest.raises(LogError, match="restore or remove"):
        log.scan()


def test_the_dataset_has_every_column_even_those_no_part_holds(log: EventLog) -> None:
    append(log, event(1))
    assert log.dataset().to_table(columns=["rating", "event_id"]).to_pylist() == [
        {"rating": None, "event_id": "e1"}
    ]


def test_large_text_and_many_rows_of_one_day_are_fine(log: EventLog) -> None:
    count = 20_000
    table = pa.table(
        {
            "event_id": [f"e{n}" for n in range(count)],
            "type": ["view"] * count,
            "timestamp": [MIDNIGHT + n for n in range(count)],
            "session_id": [f"s{n % 100}" for n in range(count)],
        }
    )
    assert log.append(table, "big").added == count
    assert log.append(table, "big").duplicates == count
