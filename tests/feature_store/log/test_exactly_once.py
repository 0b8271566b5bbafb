"""Properties: whatever is appended, repeated, cut short or replayed, every event id is in the log exactly once."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_store.log import EventLog, parts
from feature_store.log.parts import DAY
from feature_store.records.codec import events_from_table, events_to_table
from recsys.types import Event, EventType

MIDNIGHT = 20_000 * DAY
numbers = st.integers(0, 30)
batches = st.lists(st.lists(numbers, max_size=12), max_size=6)


def event(number: int) -> Event:
    """The event of a number: always the same content, on one of four days."""
    return Event(
        event_id=f"e{number}",
        type=EventType.VIEW,
        timestamp=MIDNIGHT + (number % 4) * DAY + number,
        session_id=f"s{number % 3}",
        item_id="杯子",
    )


@contextmanager
def new_log() -> Iterator[EventLog]:
    with tempfile.TemporaryDirectory() as folder:
        yield EventLog(Path(folder) / "events")


class Killed(Exception):
    """Stands for SIGKILL between two renames."""


@contextmanager
def killed_after(renames: int) -> Iterator[None]:
    """The writer dies after so many parts have appeared; the next one stays unfinished."""
    left = [renames]
    rename = Path.rename

    def dying(self: Path, target: Path) -> Path:
        if not left[0]:
            raise Killed
        left[0] -= 1
        return rename(self, target)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "rename", dying)
        yield


def stored(log: EventLog) -> list[Event]:
    return sorted(events_from_table(log.scan()), key=lambda found: int(found.event_id[1:]))


@settings(deadline=None, max_examples=60)
@given(batches)
def test_any_sequence_of_appends_holds_every_id_once(sequence: list[list[int]]) -> None:
    with new_log() as log:
        seen: set[int] = set()
        for batch in sequence:
            result = log.append(events_to_table([event(number) for number in batch]), "file")
            assert result.conflicts == 0
            assert (result.added, result.added + result.duplicates) == (len(set(batch) - seen), len(batch))
            seen |= set(batch)
        assert stored(log) == [event(number) for number in sorted(seen)]


@settings(deadline=None, max_examples=60)
@given(st.lists(numbers, min_size=1, max_size=20), st.integers(0, 5))
def test_an_append_killed_between_days_is_finished_by_the_next(batch: list[int], renames: int) -> None:
    table = events_to_table([event(number) for number in batch])
    with new_log() as log:
        with killed_after(renames):
            try:
                log.append(table, "file")
            except Killed:
                assert len(log.files()) == renames
        assert log.append(table, "file").conflicts == 0
        assert stored(log) == [event(number) for number in sorted(set(batch))]


@settings(deadline=None, max_examples=100)
@given(
    st.lists(numbers, min_size=1, max_size=25, unique=True),
    st.lists(st.tuples(st.integers(1, 25), st.integers(0, 4)), max_size=6),
    st.lists(st.integers(0, 3), max_size=3),
)
def test_a_worker_killed_anywhere_writes_every_entry_once(
    sent: list[int], attempts: list[tuple[int, int]], compacted: list[int]
) -> None:
    """Each attempt reads so many entries from the start of the stream and dies after so many parts."""
    entries = [(f"{1000 + place}-0", event(number)) for place, number in enumerate(sent)]
    with new_log() as log:
        for count, renames in attempts:
            with killed_after(renames), suppress(Killed):
                log.write_stream_batch(entries[:count])
            for day in compacted:
                log.compact(MIDNIGHT // DAY + day)
        log.write_stream_batch(entries)
        assert stored(log) == [event(number) for number in sorted(sent)]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.booleans(), st.lists(numbers, max_size=8)), max_size=6))
def test_imports_and_the_stream_together_hold_every_id_once(steps: list[tuple[bool, list[int]]]) -> None:
    with new_log() as log:
        sent = 0
        for by_stream, batch in steps:
            if by_stream:
                log.write_stream_batch([(f"{sent + at}-1", event(n)) for at, n in enumerate(batch)])
                sent += len(batch)
            else:
                log.append(events_to_table([event(number) for number in batch]), "file")
        expected = sorted({number for _, batch in steps for number in batch})
        assert stored(log) == [event(number) for number in expected]


@settings(deadline=None, max_examples=40)
@given(st.lists(numbers, min_size=2, max_size=15, unique=True), st.integers(0, 2))
def test_a_compaction_killed_anywhere_loses_nothing(sent: list[int], deletions: int) -> None:
    with new_log() as log:
        for place, number in enumerate(sent):
            log.write_stream_batch([(f"{place}-0", event(number))])
        left = [deletions]
        unlink = Path.unlink

        def dying(self: Path, missing_ok: bool = False) -> None:
            if self.name.startswith("stream-"):
                if not left[0]:
                    raise Killed
                left[0] -= 1
            unlink(self, missing_ok)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Path, "unlink", dying)
            for day in log.days():
                try:
                    log.compact(day)
                except Killed:
                    break
        assert stored(log) == [event(number) for number in sorted(sent)]
        log.write_stream_batch([(f"{place}-0", event(number)) for place, number in enumerate(sent)])
        assert stored(log) == [event(number) for number in sorted(sent)]
        assert parts.committed(log.root / parts.day_folder(log.days()[0])) is not None
