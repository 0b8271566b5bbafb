from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from feature_store.errors import FileFormatError
from feature_store.importers.source import Source, bare_item
from feature_store.intake import event_intake, thing_intake
from feature_store.intake.ingest import Job, Report, import_source, ingest_files
from feature_store.offline import OfflineStore
from feature_store.records.column_map import ColumnMap
from feature_store.records.kinds import RowKind
from feature_store.records.times import zone
from recsys.errors import InputError
from recsys.types import User

NOW = 1_764_000_000_000
HEADER = (
    "event_id,type,timestamp,user_id,session_id,item_id,price,currency,rating,position,recomm_id,query,"
    "context,test"
)
GOOD = "g{n},view,2025-01-01T00:00:0{n}Z,u1,,杯子,3.5,CNY,,,,,,"
# One line of every kind of mistake, between good ones: (line, code of its rejection).
BROKEN = [
    ("b1,viw,2025-01-01T00:00:00Z,u1,,i,,,,,,,,", "unknown_value"),
    ("b2,served,2025-01-01T00:00:00Z,u1,,i,,,,,,,,", "server_only"),
    ("b3,,2025-01-01T00:00:00Z,u1,,i,,,,,,,,", "missing_field"),
    ("b4,view,,u1,,i,,,,,,,,", "missing_field"),
    ("b5,view,2025-01-01T00:00:00Z,,,i,,,,,,,,", "missing_field"),
    ("b6,view,2025-01-01T00:00:00Z,u1,,,,,,,,,,", "missing_field"),
    ("b7,search,2025-01-01T00:00:00Z,u1,,,,,,,,,,", "missing_field"),
    ("b8,impression,2025-01-01T00:00:00Z,u1,,i,,,,1,,,,", "missing_field"),
    ("b9,view,yesterday,u1,,i,,,,,,,,", "bad_time"),
    ("b10,view,2025-02-30T00:00:00Z,u1,,i,,,,,,,,", "bad_time"),
    ("b11,view,2025-01-01T00:00:00,u1,,i,,,,,,,,", "naive_time"),
    ("b12,view,1735689600,u1,,i,,,,,,,,", "past_time"),
    ("b13,view,2999-01-01T00:00:00Z,u1,,i,,,,,,,,", "future_time"),
    ("b14,view,2025-01-01T00:00:00Z,u1,,i,-1,,,,,,,", "out_of_range"),
    ("b15,view,2025-01-01T00:00:00Z,u1,,i,NaN,,,,,,,", "not_finite"),
    ("b16,view,2025-01-01T00:00:00Z,u1,,i,inf,,,,,,,", "not_finite"),
    ('b17,view,2025-01-01T00:00:00Z,u1,,i,"3,5",,,,,,,', "wrong_type"),
    ("b18,view,2025-01-01T00:00:00Z,u1,,i,,yuan,,,,,,", "unknown_value"),
    ("b19,rating,2025-01-01T00:00:00Z,u1,,i,,,6,,,,,", "out_of_range"),
    ("b20,view,2025-01-01T00:00:00Z,u1,,i,,,,1.5,,,,", "wrong_type"),
    (f"b21,view,2025-01-01T00:00:00Z,{'u' * 129},,i,,,,,,,,", "too_long"),
    ("b22,view,2025-01-01T00:00:00Z,u\x07,,i,,,,,,,,", "control_characters"),
    ("b23,view,2025-01-01T00:00:00Z, u1,,i,,,,,,,,", "bad_id"),
    ("b24,view,2025-01-01T00:00:00Z,u1,,i,,,,,,,{page},", "bad_json"),
    ("b25,view,2025-01-01T00:00:00Z,u1,,i,,,,,,,,maybe", "wrong_type"),
    ("b26,view,2025-01-01T00:00:00Z,u1", "bad_columns"),
    ("b27,view,2025-01-01T00:00:00Z,u1,,i,,,,,,,,,,,", "bad_columns"),
    ('b28,view,"2025-01-01T00:00:00Z,u1,,i,,,,,,,,', "bad_csv"),
    ('b29,view,"2025"-01-01T00:00:00Z,u1,,i,,,,,,,,', "bad_csv"),
    ("b30,view,2025-01-01T00:00:00Z,u1,,\udcb1\udcad,,,,,,,,", "bad_encoding"),
    ("g0,view,2025-01-01T00:00:00Z,u1,,other,,,,,,,,", "conflict"),
]


def job(home: Path, **changes: Any) -> Job:
    return Job(**{"home": home, "now": NOW, **changes})


def ingest(path: Path, home: Path, kind: RowKind = RowKind.EVENTS, **changes: Any) -> Report:
    (report,) = ingest_files({kind: [path]}, job(home, **changes))
    return report


def write(path: Path, *lines: str) -> Path:
    path.write_bytes("".join(line + "\n" for line in lines).encode("utf-8", "surrogateescape"))
    return path


def rejects(report: Report) -> list[dict[str, Any]]:
    assert report.rejects is not None
    return [orjson.loads(line) for line in report.rejects.read_bytes().splitlines()]


def ids(home: Path) -> list[str]:
    return sorted(OfflineStore(home).events(columns=["event_id"]).column("event_id").to_pylist())


def counts(report: Report) -> tuple[int, int, int, int, int]:
    return report.read, report.added, report.duplicates, report.conflicts, report.rejected


def test_every_broken_row_is_refused_with_its_reason_and_every_good_one_is_in(tmp_path: Path) -> None:
    lines = [GOOD.format(n=0)]
    for number, (line, _) in enumerate(BROKEN):
        lines += [line, GOOD.format(n=number % 9 + 1)]
    path = write(tmp_path / "events.csv", HEADER, *lines)
    report = ingest(path, tmp_path / "home")
    expected = {3 + 2 * number: code for number, (_, code) in enumerate(BROKEN)}
    assert {entry["line"]: entry["code"] for entry in rejects(report)} == expected
    assert all(entry["message"] and entry["row"] for entry in rejects(report))
    assert ids(tmp_path / "home") == [f"g{n}" for n in range(10)]
    assert counts(report) == (63, 10, 22, 1, 30)
    assert len({code for _, code in BROKEN}) >= 15


def test_a_rejection_names_the_field_and_shows_the_row(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.csv", "event_id,type,timestamp,user_id,item_id", "e1,viw,2025-01-01T00:00:00Z,u,杯子"
    )
    (entry,) = rejects(ingest(path, tmp_path / "home"))
    assert (entry["line"], entry["field"]) == (2, "type")
    assert "did you mean 'view'" in entry["message"]
    assert entry["row"]["item_id"] == "杯子"


ROWS: list[dict[str, Any]] = [
    {"type": "view", "timestamp": NOW - 5000, "user_id": "1", "item_id": "10", "price": 2.5},
    {"type": "view", "timestamp": NOW - 5000, "user_id": "1", "item_id": "10", "price": 2.5},
    {"type": "purchase", "timestamp": NOW, "user_id": "2", "item_id": "11", "context": '{"page":"首页"}'},
    {
        "type": "search",
        "timestamp": NOW - 86_400_000,
        "session_id": "s",
        "query": "红 杯子",
    },
]


def as_file(folder: Path, suffix: str) -> Path:
    path = folder / f"events{suffix}"
    if suffix == ".jsonl":
        rows = [{**row, "context": orjson.loads(row["context"])} if "context" in row else row for row in ROWS]
        return write(path, *(orjson.dumps(row).decode() for row in rows))
    names = dict.fromkeys(name for row in ROWS for name in row)
    table = pa.table({name: [row.get(name) for row in ROWS] for name in names})
    if suffix == ".csv":
        pyarrow.csv.write_csv(table, path)
    else:
        pq.write_table(table, path)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_importing_twice_changes_nothing(tmp_path: Path, suffix: str) -> None:
    path, home = as_file(tmp_path, suffix), tmp_path / "home"
    assert counts(ingest(path, home)) == (4, 4, 0, 0, 0)
    before = {file: file.read_bytes() for file in home.rglob("*.parquet")}
    assert counts(ingest(path, home)) == (4, 0, 4, 0, 0)
    assert {file: file.read_bytes() for file in home.rglob("*.parquet")} == before


def test_the_format_of_a_file_changes_no_id_and_no_value(tmp_path: Path) -> None:
    home = tmp_path / "home"
    first = ingest(as_file(tmp_path, ".csv"), home)
    assert first.added == 4
    for suffix in (".jsonl", ".parquet"):
        assert counts(ingest(as_file(tmp_path, suffix), home)) == (4, 0, 4, 0, 0)


def test_ids_do_not_depend_on_the_size_of_portions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = as_file(tmp_path, ".jsonl")
    ingest(path, tmp_path / "one")
    monkeypatch.setattr(event_intake, "_PORTION", 1)
    monkeypatch.setattr("feature_store.intake.readers.BATCH_ROWS", 1)
    assert counts(ingest(path, tmp_path / "other")) == (4, 4, 0, 0, 0)
    assert ids(tmp_path / "one") == ids(tmp_path / "other")


def test_naive_times_need_the_option(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "type,timestamp,user_id,item_id", "view,2025-01-01 08:00:00,u,i")
    assert ingest(path, tmp_path / "home").reasons == {"naive_time": 1}
    report = ingest(path, tmp_path / "home", timezone=zone("Asia/Shanghai"))
    assert (report.added, report.rejects) == (1, None)
    times = OfflineStore(tmp_path / "home").events(columns=["timestamp"]).column("timestamp")
    assert times.to_pylist() == [1_735_689_600_000]


def test_events_are_stamped_with_the_time_of_arrival(tmp_path: Path) -> None:
    ingest(as_file(tmp_path, ".csv"), tmp_path / "home")
    received = OfflineStore(tmp_path / "home").events(columns=["received_at"]).column("received_at")
    assert set(received.to_pylist()) == {NOW}


def test_open_columns_of_a_flat_file_become_maps(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.csv",
        "type,timestamp,user_id,item_id,context.page,context.device,source.utm_source",
        "view,2025-01-01T00:00:00Z,u,i,首页,,wechat",
        "view,2025-01-01T00:00:01Z,u,i,,,",
    )
    assert ingest(path, tmp_path / "home").added == 2
    stored = OfflineStore(tmp_path / "home").events(columns=["timestamp", "context", "source"])
    assert stored.to_pylist() == [
        {"timestamp": 1_735_689_600_000, "context": '{"page":"首页"}', "source": '{"utm_source":"wechat"}'},
        {"timestamp": 1_735_689_601_000, "context": None, "source": None},
    ]


def test_chinese_headers_in_gbk_are_mapped(tmp_path: Path) -> None:
    path = tmp_path / "商品.csv"
    path.write_bytes("编号,名称,类目,价格,备注\nC1,红杯子,家居 > 杯子,35.5,x\n".encode("gbk"))
    columns = ColumnMap.parse(["item_id=编号", "名称=title", "category=类目", "price=价格"], ["备注"])
    report = ingest(path, tmp_path / "home", RowKind.ITEMS, columns=columns, encoding="gb18030")
    assert report.added == 1
    (item,) = OfflineStore(tmp_path / "home").items()
    assert (item.titles, item.category, item.offers[0].price) == ({"zh": "红杯子"}, "家居 > 杯子", 35.5)


def test_a_map_reaches_the_file_it_is_for(tmp_path: Path) -> None:
    items = write(tmp_path / "items.csv", "编号,title", "i,杯子")
    users = write(tmp_path / "users.csv", "客户,attributes.city", "u,上海")
    events = write(
        tmp_path / "events.jsonl", '{"type":"view","timestamp":1735689600000,"客户":"u","item_id":"i"}'
    )
    files = {RowKind.ITEMS: [items], RowKind.USERS: [users], RowKind.EVENTS: [events]}
    columns = ColumnMap.parse(["item_id=编号", "user_id=客户"])
    assert [report.added for report in ingest_files(files, job(tmp_path / "home", columns=columns))] == [
        1,
        1,
        1,
    ]


def test_a_map_for_no_file_is_an_error_before_any_row(tmp_path: Path) -> None:
    files = {
        RowKind.ITEMS: [write(tmp_path / "items.csv", "item_id", "i")],
        RowKind.USERS: [write(tmp_path / "users.csv", "user_id", "u")],
    }
    with pytest.raises(InputError, match="fits none of the files"):
        ingest_files(files, job(tmp_path / "home", columns=ColumnMap.parse(["title=名称"])))
    with pytest.raises(InputError, match="--ignore junk"):
        ingest_files(files, job(tmp_path / "home", columns=ColumnMap.parse([], ["junk"])))
    assert not (tmp_path / "home").exists()


def test_a_bad_header_in_the_last_file_stops_before_the_first_is_stored(tmp_path: Path) -> None:
    files = {
        RowKind.ITEMS: [write(tmp_path / "items.csv", "item_id", "i")],
        RowKind.EVENTS: [write(tmp_path / "events.csv", "event_id,colour", "e,red")],
    }
    with pytest.raises(FileFormatError, match="unknown column 'colour'"):
        ingest_files(files, job(tmp_path / "home"))
    assert not (tmp_path / "home").exists()


def test_items_are_judged_row_by_row_and_stored_once(tmp_path: Path) -> None:
    path = write(
        tmp_path / "items.jsonl",
        '{"item_id":"i1","titles":{"zh":"杯子"},"offers":[{"price":3},{"sku":"k2","price":4}]}',
        '{"item_id":"i2","price":-1}',
        '{"item_id":"i3","colour":"red"}',
        "{",
        '{"item_id":"i4"}',
        '{"item_id":"i4"}',
        '{"item_id":"i4","brand":"other"}',
    )
    home = tmp_path / "home"
    report = ingest(path, home, RowKind.ITEMS)
    assert counts(report) == (7, 2, 1, 1, 3)
    assert {entry["line"]: entry["code"] for entry in rejects(report)} == {
        2: "out_of_range",
        3: "unknown_field",
        4: "bad_json",
        7: "conflict",
    }
    assert counts(ingest(path, home, RowKind.ITEMS)) == (7, 0, 3, 1, 3)
    assert [item.item_id for item in OfflineStore(home).items()] == ["i1", "i4"]


def test_things_are_stored_in_portions_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thing_intake, "_PORTION", 2)
    monkeypatch.setattr("feature_store.intake.readers.BATCH_ROWS", 2)
    path = write(
        tmp_path / "users.jsonl", *(f'{{"user_id":"u{n}","attributes":{{"n":{n}}}}}' for n in range(5))
    )
    assert ingest(path, tmp_path / "home", RowKind.USERS).added == 5
    assert [user.attributes["n"] for user in OfflineStore(tmp_path / "home").users()] == [0, 1, 2, 3, 4]


def test_a_repaired_file_leaves_no_rejects_behind(tmp_path: Path) -> None:
    path = write(tmp_path / "users.csv", "user_id", "u1", " u2")
    old = ingest(path, tmp_path / "home", RowKind.USERS).rejects
    assert old is not None
    write(path, "user_id", "u1", "u2")
    assert ingest(path, tmp_path / "home", RowKind.USERS).rejects is None
    assert not old.exists()


def test_progress_counts_every_row_read(tmp_path: Path) -> None:
    path = write(tmp_path / "users.csv", "user_id", "u1", "u2,x", " u3")
    seen: list[tuple[str, int]] = []
    ingest(path, tmp_path / "home", RowKind.USERS, progress=lambda source, rows: seen.append((source, rows)))
    assert {source for source, _ in seen} == {str(path)}
    assert sum(rows for _, rows in seen) == 3


def test_a_source_brings_items_users_and_events_once(tmp_path: Path) -> None:
    events = pa.table(
        {"type": ["view", "view"], "timestamp": [NOW, NOW], "user_id": ["u", None], "item_id": ["i", "i"]}
    )
    source = Source("toy", lambda: iter([events]), 2, [bare_item("i")], [User(user_id="u")])
    assert [counts(report) for report in import_source(source, job(tmp_path))] == [
        (1, 1, 0, 0, 0),
        (1, 1, 0, 0, 0),
        (2, 1, 0, 0, 1),
    ]
    assert [report.added for report in import_source(source, job(tmp_path, now=NOW + 5))] == [0, 0, 0]
