import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feature_store.errors import FileFormatError
from feature_store.intake import readers
from feature_store.intake.readers import Reading, open_batches, read_columns, source_files
from feature_store.records.column_map import ColumnMap, Names
from recsys.errors import InputError

NAMES = Names("things", ("id", "title", "price"))


def read(
    path: Path, *pairs: str, ignore: tuple[str, ...] = (), encoding: str = "utf-8"
) -> list[dict[str, object]]:
    reading = Reading(NAMES, ColumnMap.parse(pairs, ignore), encoding)
    return [dict(row) for batch in open_batches(path, reading) for row in batch.rows()]


def broken(path: Path, encoding: str = "utf-8") -> list[tuple[int, str]]:
    batches = open_batches(path, Reading(NAMES, encoding=encoding))
    return [(line.line, line.why.code) for batch in batches for line in batch.broken]


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


ROWS = [{"id": "1", "title": "红杯子", "price": "3"}, {"id": "2", "title": "Mug, blue", "price": ""}]
CSV = 'id,title,price\n1,红杯子,3\n2,"Mug, blue",\n'


def test_csv_tsv_and_gzip_give_the_same_rows(tmp_path: Path) -> None:
    plain = write(tmp_path / "a.csv", CSV)
    tabbed = write(tmp_path / "a.tsv", "id\ttitle\tprice\n1\t红杯子\t3\n2\tMug, blue\t\n")
    packed = tmp_path / "a.csv.gz"
    packed.write_bytes(gzip.compress(CSV.encode()))
    assert read(plain) == read(tabbed) == read(packed) == ROWS


def test_json_lines_and_parquet_keep_their_types(tmp_path: Path) -> None:
    lines = write(tmp_path / "a.jsonl", '{"id":1,"title":"红杯子"}\n\n{"id":"2","price":2.5}\n')
    assert read(lines) == [{"id": 1, "title": "红杯子"}, {"id": "2", "price": 2.5}]
    pq.write_table(pa.table({"id": [1, 2], "price": [None, 2.5]}), tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet") == [{"id": 1, "price": None}, {"id": 2, "price": 2.5}]


def test_lines_are_numbered_from_one_with_the_header(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "id\n1\n\n2\n")
    assert [batch.lines.tolist() for batch in open_batches(path, Reading(NAMES))] == [[2, 4]]
    lines = write(tmp_path / "a.jsonl", '{"id":1}\n\n{"id":2}\n')
    assert [batch.lines.tolist() for batch in open_batches(lines, Reading(NAMES))] == [[1, 3]]


def test_line_numbers_go_on_from_batch_to_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "BATCH_ROWS", 2)
    lines = write(tmp_path / "a.jsonl", "".join(f'{{"id":{n}}}\n' for n in range(5)))
    pq.write_table(pa.table({"id": list(range(5))}), tmp_path / "a.parquet")
    for path in (lines, tmp_path / "a.parquet"):
        batches = list(open_batches(path, Reading(NAMES)))
        assert [batch.lines.tolist() for batch in batches] == [[1, 2], [3, 4], [5]]


@pytest.mark.parametrize("encoding", ["gb18030", "utf-16", "big5"])
def test_other_encodings_are_read_when_named(tmp_path: Path, encoding: str) -> None:
    text = "id,名稱\n1,紅杯子\n"
    assert read(write(tmp_path / "a.csv", text, encoding), "title=名稱", encoding=encoding) == [
        {"id": "1", "title": "紅杯子"}
    ]


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    assert read(write(tmp_path / "a.csv", CSV, "utf-8-sig")) == ROWS
    assert read(write(tmp_path / "a.jsonl", '{"id":"1"}', "utf-8-sig")) == [{"id": "1"}]


def test_a_gbk_header_says_which_option_to_give(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"header is not valid utf-8.*--encoding gb18030"):
        read(write(tmp_path / "a.csv", "id,名称\n1,杯子\n", "gbk"), "title=名称")


def test_gbk_cells_under_an_ascii_header_cost_their_lines_only(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"id,title\n1,mug\n" + "2,杯子\n".encode("gbk") + "3,杯子\n".encode())
    assert broken(path) == [(3, "bad_encoding")]
    assert read(path) == [{"id": "1", "title": "mug"}, {"id": "3", "title": "杯子"}]


def test_utf_16_is_recognised_by_its_mark(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="--encoding utf-16"):
        read(write(tmp_path / "a.csv", CSV, "utf-16"))


def test_an_unknown_encoding_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown encoding 'klingon'"):
        read(write(tmp_path / "a.csv", CSV), encoding="klingon")


def test_lines_that_are_no_json_objects_are_broken_one_by_one(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"id":1}\n{"id":\n[1]\n"x"\n\xff\xfe{}\n{"id":NaN}\n{"id":2}\n')
    assert broken(path) == [
        (2, "bad_json"),
        (3, "bad_json"),
        (4, "bad_json"),
        (5, "bad_encoding"),
        (6, "bad_json"),
    ]
    assert read(path) == [{"id": 1}, {"id": 2}]


def test_json_rows_are_renamed_and_stripped(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", '{"编号":1,"junk":2}\n{"编号":2}\n')
    assert read(path, "编号=id", ignore=("junk",)) == [{"id": 1}, {"id": 2}]


def test_an_unknown_column_stops_before_the_first_row(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": [1], "colour": ["红"]}), tmp_path / "a.parquet")
    for path in (tmp_path / "a.parquet", write(tmp_path / "a.csv", "id,colour\n1,红\n")):
        with pytest.raises(FileFormatError, match="unknown column 'colour'"):
            open_batches(path, Reading(NAMES))


def test_the_index_column_of_a_data_frame_is_not_read(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": [1], "__index_level_0__": [7]}), tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet") == [{"id": 1}]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.parquet", b"PAR1 no", "not a Parquet file"),
        ("a.csv", b"", "is empty"),
        ("a.csv.gz", b"id\n1\n", "gzip"),
        ("a.json", b'[{"id":1}]', "JSON array"),
        ("a.xlsx", b"", "must end with one of"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FileFormatError, match=message):
        list(open_batches(tmp_path / name, Reading(NAMES)))


def test_foreign_arrow_types_become_plain_ones(tmp_path: Path) -> None:
    table = pa.table(
        {
            "id": pa.array([2**64 - 1, 5], pa.uint64()),
            "title": pa.array(["a", "a"]).dictionary_encode(),
            "price": pa.array(["1.5", "2"]).cast(pa.decimal128(10, 2)),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet") == [
        {"id": "18446744073709551615", "title": "a", "price": 1.5},
        {"id": "5", "title": "a", "price": 2.0},
    ]


def test_a_folder_stands_for_its_readable_files(tmp_path: Path) -> None:
    names = ["b.csv", "a.jsonl", "c.parquet", "notes.md"]
    for name in names:
        (tmp_path / name).touch()
    assert [path.name for path in source_files(tmp_path)] == ["a.jsonl", "b.csv", "c.parquet"]
    assert source_files(tmp_path / "b.csv") == [tmp_path / "b.csv"]


def test_a_missing_file_and_an_empty_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="no file"):
        source_files(tmp_path / "absent.csv")
    with pytest.raises(FileFormatError, match="holds no"):
        source_files(tmp_path)


def test_only_json_lines_have_no_header(tmp_path: Path) -> None:
    assert read_columns(write(tmp_path / "a.csv", CSV), "utf-8") == ["id", "title", "price"]
    assert read_columns(write(tmp_path / "a.jsonl", "{}"), "utf-8") is None
