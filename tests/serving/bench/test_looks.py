"""What is found in answers: items where they do not belong, releases mixed, items watched."""

import json
from typing import Any

import pytest

from serving.bench.load import Answered
from serving.bench.looks import Belonging, Sightings, items_shown

OLD, NEW = "0" * 16, "1" * 16


def answer(items: list[str], *releases: str, **more: Any) -> bytes:
    """As the product writes it, one mention of a release after another."""
    rows = [{"item_id": item, "reason": {"source_item_id": "only-a-reason"}} for item in items]
    model, freshness = {"version": releases[0]}, {"release_id": releases[-1], "rules_version": None}
    body = {"items": rows, "model": model, "freshness": freshness, **more}
    return json.dumps(body, separators=(",", ":")).encode()


def answered(body: bytes, kind: str = "200", sent: float = 1.0) -> Answered:
    return Answered(0, kind, sent, sent + 0.1, body)


def test_items_are_those_shown_not_those_named_as_reasons() -> None:
    assert items_shown(answer(["a", "b"], OLD)) == ["a", "b"]
    shelves = b'{"shelves":[{"items":[{"item_id":"a"}]},{"items":[{"item_id":"c"}]}]}'
    assert items_shown(shelves) == ["a", "c"]


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        (answer(["both", "old"], OLD, OLD), None),
        (answer(["both", "new"], NEW, NEW), None),
        (answer([], NEW, NEW), None),
        (answer(["both"], OLD, NEW), "names several releases"),
        (answer(["old"], NEW, NEW), "shows an item of another release"),
        (answer(["both"], "2" * 16, "2" * 16), "names an unknown release"),
        (b"{}", "names no release"),
    ],
)
def test_an_answer_belongs_to_one_release(body: bytes, wrong: str | None) -> None:
    look = Belonging({OLD: ["both", "old"], NEW: ["both", "new"]})
    look(answered(body))
    found = look.found()
    assert found["wrong"] == ({} if wrong is None else {wrong: 1})
    assert len(found["examples"]) == (wrong is not None)


def test_partial_answers_are_looked_at_and_refusals_are_not() -> None:
    look = Belonging({OLD: ["old"]})
    look(answered(answer(["new"], OLD, OLD), "200, degraded: overload"))
    look(answered(b'{"code":"overloaded"}', "503"))
    assert look.found()["wrong"] == {"shows an item of another release": 1}


def test_watched_items_are_noted_with_the_moment_they_were_asked_for() -> None:
    look = Sightings(["a", "c"])
    look(answered(answer(["a", "b"], OLD), sent=1.0))
    look(answered(answer(["b"], OLD), sent=2.0))
    look(answered(answer(["c"], OLD), "503", sent=3.0))
    assert look.found() == {"answers": 2, "seen": [("a", 1.0)]}
