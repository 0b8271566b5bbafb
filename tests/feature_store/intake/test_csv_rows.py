import io

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_store.intake import csv_rows
from feature_store.intake.csv_columns import plain_table
from feature_store.intake.csv_rows import csv_chunks, read_header
from feature_store.records.fields import Rejection

Row = tuple[int, list[str] | str]


def read(text: str, width: int = 3, delimiter: str = ",") -> list[Row]:
    """(line, cells or refusal code) of every row, whichever way it was read."""
    found: list[Row] = []
    for first, chunk in csv_chunks(io.StringIO(text, newline=""), delimiter, 1, width):
        if isinstance(chunk, list):
            found += [(line, c.code if isinstance(c, Rejection) else c) for line, c, _ in chunk]
        else:
            found += [(first + at, list(row.values())) for at, row in enumerate(chunk.to_pylist())]
    return found


def test_plain_lines_come_as_columns() -> None:
    chunks = list(csv_chunks(io.StringIO("a,b,c\n1,,红\n", newline=""), ",", 2, 3))
    assert [(first, isinstance(chunk, pa.Table)) for first, chunk in chunks] == [(2, True)]
    assert read("a,b,c\n1,,红\n") == [(1, ["a", "b", "c"]), (2, ["1", "", "红"])]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('a,"b,x",c\n', [(1, ["a", "b,x", "c"])]),
        ('a,"b ""x""",c\n', [(1, ["a", 'b "x"', "c"])]),
        ('a,5" disc,c\n', [(1, ["a", '5" disc', "c"])]),
        ('a,"b\nx",c\nd,e,f', [(1, ["a", "b\nx", "c"]), (3, ["d", "e", "f"])]),
        ("a,b,c\r\nd,e,f\r\n", [(1, ["a", "b", "c"]), (2, ["d", "e", "f"])]),
        ("a,b,c\n\n   \nd,e,f\n", [(1, ["a", "b", "c"]), (4, ["d", "e", "f"])]),
        ("", []),
        ("NULL,NaN,nan\n", [(1, ["NULL", "NaN", "nan"])]),
    ],
)
def test_good_rows_keep_their_cells_and_lines(text: str, rows: list[Row]) -> None:
    assert read(text) == rows


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("x,y", "bad_columns"),
        ("x,y,z,w", "bad_columns"),
        ('x,"y"z,w', "bad_csv"),
        ('x,"never closed,w', "bad_csv"),
    ],
)
def test_a_broken_line_costs_itself_only(line: str, code: str) -> None:
    good = "a,b,c\n"
    assert read(good + line + "\n" + good * 2) == [
        (1, ["a", "b", "c"]),
        (2, code),
        (3, ["a", "b", "c"]),
        (4, ["a", "b", "c"]),
    ]


def test_quotes_within_unquoted_cells_join_no_lines() -> None:
    assert read('x,5",y\nx,6",y\n"",a,b\n') == [
        (1, ["x", '5"', "y"]),
        (2, ["x", '6"', "y"]),
        (3, ["", "a", "b"]),
    ]
    assert [cells for _, cells in read('x,5" or,y\nx,6",y\n')] == [["x", '5" or', "y"], ["x", '6"', "y"]]


def test_two_unclosed_quotes_do_not_swallow_what_lies_between() -> None:
    text = 'x,"open,w\na,b,c\ny,"open,w\nd,e,f\n'
    assert read(text) == [(1, "bad_csv"), (2, ["a", "b", "c"]), (3, "bad_csv"), (4, ["d", "e", "f"])]


def test_a_record_may_cross_the_border_of_a_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_rows, "_CHUNK_LINES", 2)
    text = 'a,b,c\nd,"e\ne\ne",f\ng,h,i\nj,k,l\n'
    assert [cells for _, cells in read(text)] == [
        ["a", "b", "c"],
        ["d", "e\ne\ne", "f"],
        ["g", "h", "i"],
        ["j", "k", "l"],
    ]
    assert [line for line, _ in read(text)] == [1, 2, 5, 6]


def test_tabs_separate_when_asked() -> None:
    assert read("a\tb,c\td\n", delimiter="\t") == [(1, ["a", "b,c", "d"])]


def test_the_header_is_the_first_line_that_says_something() -> None:
    assert read_header(io.StringIO('\n user_id ,"商品, 名称"\n1,2\n'), ",") == (["user_id", "商品, 名称"], 2)
    assert read_header(io.StringIO(""), ",") == ([], 0)


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
@pytest.mark.parametrize("line", ['x,y,"open', '5",y,"open'])
def test_a_quote_open_at_the_end_of_the_file_is_refused(line: str, end: str) -> None:
    assert read(f"a,b,c\n{line}{end}") == [(1, ["a", "b", "c"]), (2, "bad_csv")]


CELLS = ["a", "红", "", '"b"', '"b,c"', '"b ""c"""', '5"', '"open', '"b"x', ' "b"', '"b\nc"', '""']


@settings(deadline=None)
@given(
    st.lists(
        st.lists(st.sampled_from(CELLS), min_size=2, max_size=2)
        | st.lists(st.sampled_from(CELLS), max_size=3)
    ),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.booleans(),
)
def test_both_readers_agree_wherever_the_fast_one_answers(
    records: list[list[str]], end: str, closed: bool
) -> None:
    text = end.join(",".join(record) for record in records) + end * closed
    lines = list(io.StringIO(text, newline=""))
    table = plain_table(lines, ",", 2) if lines else None
    if table is not None:
        rows, used = csv_rows._rows(lines, ",", 2, last=True)
        assert used == len(lines)
        assert [cells for _, cells, _ in rows] == [list(row.values()) for row in table.to_pylist()]
