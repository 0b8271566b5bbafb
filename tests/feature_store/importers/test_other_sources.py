import lzma
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feature_store.checks import Status, run_checks
from feature_store.errors import FileFormatError
from feature_store.importers.diginetica import diginetica
from feature_store.importers.retailrocket import retailrocket
from feature_store.importers.source import Source, bare_item
from feature_store.importers.synthetic import MARK
from feature_store.importers.taobao import taobao
from feature_store.intake.ingest import Job, import_source

NOW = 1_764_000_000_000
SECOND = 1_430_623_510


def events(source: Source) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = pa.concat_tables(list(source.events())).to_pylist()
    return rows


def behaviours(path: Path, *rows: tuple[int, int, str], **extra: list[int]) -> None:
    users, items, kinds = zip(*rows, strict=True)
    pq.write_table(pa.table({"user": users, "item": items, "event": kinds, **extra}), path)


def test_retailrocket_rows_are_events_with_real_times(tmp_path: Path) -> None:
    behaviours(tmp_path / "events.parquet", (1, 7, "view"), (1, 7, "buy"), ts=[SECOND, SECOND - 5])
    source = retailrocket(tmp_path)
    assert events(source) == [
        {
            "event_id": "rr-1-7-view",
            "type": "view",
            "user_id": "1",
            "item_id": "7",
            "timestamp": SECOND * 1000,
        },
        {
            "event_id": "rr-1-7-purchase",
            "type": "purchase",
            "user_id": "1",
            "item_id": "7",
            "timestamp": SECOND * 1000 - 5000,
        },
    ]
    assert list(source.items) == [bare_item("7")]


def test_taobao_rows_get_rising_times_that_are_marked(tmp_path: Path) -> None:
    behaviours(tmp_path / "train.parquet", (2, 7, "cart"), (1, 8, "view"))
    source = taobao(tmp_path)
    first, second = events(source)
    assert (first["event_id"], first["type"], first["context"]) == ("tb-2-7-cart", "cart", MARK)
    assert int(str(first["timestamp"])) < int(str(second["timestamp"]))
    assert "synthetic" in source.notes[0]


def test_an_unknown_behaviour_is_named(tmp_path: Path) -> None:
    behaviours(tmp_path / "train.parquet", (2, 7, "like"))
    with pytest.raises(FileFormatError, match="unknown behaviour 'like'"):
        events(taobao(tmp_path))


@pytest.mark.parametrize("packed", [False, True])
def test_diginetica_lines_are_sessions_in_order(tmp_path: Path, packed: bool) -> None:
    content = b"1 2\n3 4 4\n"
    name = "diginetica_train_seq.txt"
    if packed:
        (tmp_path / f"{name}.xz").write_bytes(lzma.compress(content))
    else:
        (tmp_path / name).write_bytes(content)
    source = diginetica(tmp_path)
    rows = events(source)
    assert [(row["session_id"], row["item_id"]) for row in rows] == [
        ("dg-0", "1"),
        ("dg-0", "2"),
        ("dg-1", "3"),
        ("dg-1", "4"),
        ("dg-1", "4"),
    ]
    times = [row["timestamp"] for row in rows]
    assert times == sorted(set(times))  # type: ignore[type-var]
    assert {row["context"] for row in rows} == {MARK}
    assert len({row["event_id"] for row in rows}) == source.event_count == 5
    assert [item.item_id for item in source.items] == ["1", "2", "3", "4"]


def test_a_line_that_holds_no_numbers_is_refused(tmp_path: Path) -> None:
    (tmp_path / "diginetica_train_seq.txt").write_text("1 x\n")
    with pytest.raises(FileFormatError, match="'x' is not an item number"):
        diginetica(tmp_path)


@pytest.mark.parametrize("importer", [retailrocket, taobao, diginetica])
def test_another_folder_is_refused_with_what_is_expected(tmp_path: Path, importer: type) -> None:
    with pytest.raises(FileFormatError, match="give the data set's folder"):
        importer(tmp_path)
    with pytest.raises(FileFormatError, match="no folder"):
        importer(tmp_path / "absent")


def import_twice(source: Source, home: Path) -> list[int]:
    first = import_source(source, Job(home=home, now=NOW))
    again = import_source(source, Job(home=home, now=NOW))
    assert [report.added for report in again] == [0, 0, 0]
    assert all(report.rejected == report.conflicts == 0 for report in first)
    return [report.added for report in first]


def warnings(home: Path) -> set[str]:
    results = run_checks(home, NOW)
    assert all(result.status is not Status.FAIL for result in results)
    return {result.name for result in results if result.status is Status.WARN}


@pytest.mark.realdata
def test_the_real_retailrocket_goes_in_once(datasets: Path, tmp_path: Path) -> None:
    assert import_twice(retailrocket(datasets / "retailrocket_sslrec"), tmp_path) == [29_905, 0, 97_381]
    assert warnings(tmp_path) == {"purchases_before_views"}


@pytest.mark.realdata
@pytest.mark.slow
def test_the_real_taobao_goes_in_once(datasets: Path, tmp_path: Path) -> None:
    assert import_twice(taobao(datasets / "taobao_multibehavior"), tmp_path) == [11_953, 0, 1_130_712]
    assert warnings(tmp_path) == {"synthetic_times"}


@pytest.mark.realdata
@pytest.mark.slow
def test_the_real_diginetica_goes_in_once(datasets: Path, tmp_path: Path) -> None:
    assert import_twice(diginetica(datasets / "diginetica_sessions"), tmp_path) == [43_097, 0, 906_140]
    assert warnings(tmp_path) == {"synthetic_times"}
