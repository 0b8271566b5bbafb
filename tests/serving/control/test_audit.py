"""The audit trail: newest first, whole, and part of the change it tells of."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from serving.control.audit import AuditEntry, AuditTrail, record


def entry(number: int, subject: str = "shelf") -> AuditEntry:
    return AuditEntry(at=number, actor="k1", action="scenario.put", subject=subject, detail={"标题": number})


def test_entries_come_back_newest_first_and_as_they_were(engine: Engine) -> None:
    with Session(engine) as session, session.begin():
        for number in range(5):
            record(session, entry(number))
    assert AuditTrail(engine).latest(limit=2) == [entry(4), entry(3)]


def test_one_subject_can_be_followed(engine: Engine) -> None:
    with Session(engine) as session, session.begin():
        for number, subject in enumerate(["a", "b", "a"]):
            record(session, entry(number, subject))
    assert [found.at for found in AuditTrail(engine).latest(subject="a")] == [2, 0]


def test_a_change_that_fails_leaves_no_entry(engine: Engine, clock: Callable[[], int]) -> None:
    with pytest.raises(RuntimeError), Session(engine) as session, session.begin():
        record(session, entry(1))
        raise RuntimeError("the change itself failed")
    assert AuditTrail(engine).latest() == []
