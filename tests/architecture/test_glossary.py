"""The glossary knows every word of the closed families, once each, with Chinese beside."""

import re
from pathlib import Path

import pytest

from recsys.types import EventType

CHINESE = re.compile("[\u4e00-\u9fff]")


@pytest.fixture(scope="module")
def rows(root: Path) -> list[tuple[str, str, str]]:
    """(term, Chinese, meaning) of every table row."""
    lines = (root / "docs" / "glossary.md").read_text("utf-8").splitlines()
    cells = [
        tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines if line.startswith("|")
    ]
    assert {len(row) for row in cells} == {3}
    return [row for row in cells if row[0] not in ("term", "type") and set(row[0]) != {"-"}]  # type: ignore[misc]


def test_every_event_type_is_explained_and_no_other_one(root: Path) -> None:
    text = (root / "docs" / "glossary.md").read_text("utf-8")
    table = text.split("| type |")[1].split("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, flags=re.MULTILINE) == [kind.value for kind in EventType]


def test_every_term_has_chinese_beside_and_a_meaning(rows: list[tuple[str, str, str]]) -> None:
    assert [term for term, chinese, _ in rows if not CHINESE.search(chinese)] == []
    assert [term for term, _, meaning in rows if len(meaning) < 10] == []


def test_no_term_is_explained_twice(rows: list[tuple[str, str, str]]) -> None:
    terms = [term for term, _, _ in rows]
    assert len(terms) > 60
    assert sorted({term for term in terms if terms.count(term) > 1}) == []
