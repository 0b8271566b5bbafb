"""Rows of answers: written and read unchanged, cut by the moment they were due."""

from pathlib import Path

from serving.bench.trace import Trace


def test_several_generators_rows_are_read_together(tmp_path: Path) -> None:
    first, second = Trace(), Trace()
    first.add(1.0, 0.25, "200")
    first.add(2.0, 0.5, "503")
    second.add(1.5, 0.125, "503")
    second.add(1.75, 0.0625, "200")
    first.write(tmp_path / "first")
    second.write(tmp_path / "second")
    whole = Trace.read([tmp_path / "first", tmp_path / "second"])
    assert len(whole) == 4
    assert whole.by_kind(0.0, 9.0) == {"200": 2, "503": 2}
    assert whole.latencies(0.0, 9.0) == [0.0625, 0.25]
    assert whole.latencies(0.0, 9.0, "503") == [0.125, 0.5]


def test_a_window_holds_its_beginning_and_not_its_end() -> None:
    trace = Trace()
    for due in (1.0, 2.0, 3.0):
        trace.add(due, due, "200")
    assert trace.latencies(1.0, 3.0) == [1.0, 2.0]
    assert trace.by_kind(3.0, 4.0) == {"200": 1}
    assert trace.by_kind(4.0, 5.0) == {}
    assert trace.latencies(0.0, 9.0, "never seen") == []
