"""The audit trail: who changed which definition, when. Rows are added in the transaction of the change.

Invariant: `detail` never holds a secret; callers pass names, roles and counts.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from serving.control.sessions import reading_session
from serving.control.tables import AuditRow

__all__ = ["AuditEntry", "AuditTrail", "record"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One change: at `at` (ms), `actor` (a key id, or "cli") did `action` to `subject`."""

    at: int
    actor: str
    action: str
    subject: str
    detail: Mapping[str, object] = field(default_factory=dict)


def record(session: Session, entry: AuditEntry) -> None:
    """Add `entry` to the caller's transaction."""
    document = json.dumps(dict(entry.detail), ensure_ascii=False, sort_keys=True)
    session.add(
        AuditRow(at=entry.at, actor=entry.actor, action=entry.action, subject=entry.subject, detail=document)
    )


class AuditTrail:
    """Reads the trail, newest first."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def latest(self, limit: int = 100, subject: str | None = None) -> list[AuditEntry]:
        """Return up to `limit` entries, all or those about `subject`."""
        query = select(AuditRow).order_by(AuditRow.number.desc()).limit(limit)
        if subject is not None:
            query = query.where(AuditRow.subject == subject)
        with reading_session(self._engine) as session:
            return [_entry(row) for row in session.scalars(query)]


def _entry(row: AuditRow) -> AuditEntry:
    return AuditEntry(
        at=row.at, actor=row.actor, action=row.action, subject=row.subject, detail=json.loads(row.detail)
    )
