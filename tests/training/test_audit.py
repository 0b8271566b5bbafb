"""The lines that say who made which release live."""

import json
from pathlib import Path

from training.audit import AuditLine, append, history


def test_lines_are_added_and_none_is_changed(tmp_path: Path) -> None:
    first = AuditLine(1, "first", "aaa", None, "小王")
    forced = AuditLine(2, "promote", "bbb", "aaa", "li", forced=True, reasons=("figure falls", "too large"))
    assert history(tmp_path) == []
    append(tmp_path, first)
    before = (tmp_path / "promotions.jsonl").read_bytes()
    append(tmp_path, forced)
    text = (tmp_path / "promotions.jsonl").read_bytes()
    assert text.startswith(before)
    assert history(tmp_path) == [first, forced]
    assert json.loads(text.splitlines()[1]) == {
        "at": 2,
        "verb": "promote",
        "release": "bbb",
        "previous": "aaa",
        "by": "li",
        "forced": True,
        "reasons": ["figure falls", "too large"],
    }


def test_a_rollback_leaves_what_the_promotion_said_in_mlflow() -> None:
    forced = AuditLine(2, "promote", "bbb", "aaa", "li", forced=True, reasons=("x", "y")).tags()
    assert (forced["forced"], forced["overridden"], forced["promoted_by"]) == ("true", "x; y", "li")
    assert forced.keys().isdisjoint(AuditLine(3, "rollback", "bbb", "ccc", "li").tags())
