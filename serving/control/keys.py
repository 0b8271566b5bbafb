"""API keys: made, listed and revoked here; recognised from a snapshot in memory.

Invariants: a secret is 256 random bits, shown once when made and stored only as SHA-256 (such a secret needs
no slow hash); comparison takes constant time; a revoked key is refused within `SNAPSHOT_TTL_S` by every
process, and while the database is away the last known keys go on.
"""

import hashlib
import hmac
import re
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import structlog
from sqlalchemy import Engine, select, update
from sqlalchemy.exc import SQLAlchemyError

from recsys.errors import InputError, UnavailableError
from serving.control.audit import AuditEntry, record
from serving.control.principals import Role
from serving.control.sessions import reading_session, writing_session
from serving.control.snapshot import Snapshot
from serving.control.tables import AccessKeyRow

__all__ = ["SNAPSHOT_TTL_S", "AccessKey", "KeyRepository"]

SNAPSHOT_TTL_S: Final = 3.0
_FORM: Final = re.compile(r"rk_([0-9a-f]{12})_([0-9a-f]{64})")
_USED_RESOLUTION_MS: Final = 60_000
_TABLE: Final = AccessKeyRow.__tablename__
_NO_DIGEST: Final = "0" * 64
_log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKey:
    """What is known of a key; times in ms since the epoch, `last_used_at` to about a minute."""

    key_id: str
    name: str
    role: Role
    browser: bool
    created_at: int
    revoked_at: int | None = None
    last_used_at: int | None = None


@dataclass(frozen=True, slots=True)
class _Stored:
    key: AccessKey
    secret_sha256: str


class KeyRepository:
    """The keys of one installation. `clock` gives ms since the epoch."""

    def __init__(self, engine: Engine, clock: Callable[[], int], ttl_s: float = SNAPSHOT_TTL_S) -> None:
        self._engine = engine
        self._clock = clock
        self._noted: dict[str, int] = {}
        self._snapshot: Snapshot[Mapping[str, _Stored]] = Snapshot("access keys", self._load, ttl_s)

    def create(
        self, role: Role, name: str, *, browser: bool = False, actor: str = "cli"
    ) -> tuple[AccessKey, str]:
        """Make a key; the second value is its text, which is shown now and never again.

        Raises:
            InputError: a browser key of another role than storefront, or a name that is not 1-128 printable
                characters.
        """
        if browser and role is not Role.STOREFRONT:
            raise InputError(f"a browser key is visible to everybody, so it cannot have role {role.value!r}")
        if not 1 <= len(name) <= 128 or not name.isprintable():
            raise InputError(f"key name {name!r} is not 1-128 printable characters")
        key = AccessKey(
            key_id=secrets.token_hex(6), name=name, role=role, browser=browser, created_at=self._clock()
        )
        secret = secrets.token_hex(32)
        with writing_session(self._engine, _TABLE) as session:
            session.add(_row(key, _digest(secret)))
            detail = {"name": name, "role": role.value, "browser": browser}
            record(
                session,
                AuditEntry(
                    at=key.created_at, actor=actor, action="key.create", subject=key.key_id, detail=detail
                ),
            )
        self._snapshot.refresh()
        return key, f"rk_{key.key_id}_{secret}"

    def revoke(self, key_id: str, *, actor: str = "cli") -> AccessKey:
        """End a key for good; ending it twice changes nothing.

        Raises:
            InputError: there is no such key.
        """
        with writing_session(self._engine, _TABLE) as session:
            row = session.get(AccessKeyRow, key_id)
            if row is None:
                raise InputError(f"there is no key {key_id!r}; see: recsys keys list")
            if row.revoked_at is None:
                row.revoked_at = self._clock()
                record(
                    session, AuditEntry(at=row.revoked_at, actor=actor, action="key.revoke", subject=key_id)
                )
            key = _key(row)
        self._snapshot.refresh()
        return key

    def all_keys(self) -> list[AccessKey]:
        """Return every key, oldest first, revoked ones included."""
        with reading_session(self._engine) as session:
            rows = session.scalars(
                select(AccessKeyRow).order_by(AccessKeyRow.created_at, AccessKeyRow.key_id)
            )
            return [_key(row) for row in rows]

    def recognise(self, text: str) -> AccessKey | None:
        """Return the live key that `text` is, or None.

        Raises:
            UnavailableError: the database is away and no key was ever read.
        """
        known = self._snapshot.get()
        form = _FORM.fullmatch(text)
        stored = known.get(form[1]) if form else None
        digest = _digest(form[2] if form else "")
        matches = hmac.compare_digest(digest, stored.secret_sha256 if stored else _NO_DIGEST)
        if stored is None or not matches or stored.key.revoked_at is not None:
            return None
        self._note_use(stored.key.key_id)
        return stored.key

    def any_browser_key(self) -> bool:
        """Whether a live browser key exists.

        Raises:
            UnavailableError: as `recognise`.
        """
        return any(s.key.browser and s.key.revoked_at is None for s in self._snapshot.get().values())

    @property
    def stale(self) -> bool:
        """Whether the database did not answer last time, so that the last known keys go on."""
        return self._snapshot.stale

    def _load(self) -> Mapping[str, _Stored]:
        with reading_session(self._engine) as session:
            rows = session.scalars(select(AccessKeyRow))
            return {row.key_id: _Stored(_key(row), row.secret_sha256) for row in rows}

    def _note_use(self, key_id: str) -> None:
        """Have the use written, at most once a minute a key and beside the request."""
        now = self._clock()
        if now - self._noted.get(key_id, 0) >= _USED_RESOLUTION_MS:
            self._noted[key_id] = now
            threading.Thread(
                target=self._write_use, args=(key_id, now), name="note-key-use", daemon=True
            ).start()

    def _write_use(self, key_id: str, at: int) -> None:
        try:
            with writing_session(self._engine, _TABLE) as session:
                session.execute(
                    update(AccessKeyRow).where(AccessKeyRow.key_id == key_id).values(last_used_at=at)
                )
        except (SQLAlchemyError, UnavailableError) as error:
            # A database that cannot be written to costs this note and nothing else.
            _log.warning("key_use_not_noted", key_id=key_id, error=type(error).__name__)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _row(key: AccessKey, secret_sha256: str) -> AccessKeyRow:
    return AccessKeyRow(
        key_id=key.key_id,
        name=key.name,
        role=key.role.value,
        browser=key.browser,
        secret_sha256=secret_sha256,
        created_at=key.created_at,
    )


def _key(row: AccessKeyRow) -> AccessKey:
    return AccessKey(
        key_id=row.key_id,
        name=row.name,
        role=Role(row.role),
        browser=row.browser,
        created_at=row.created_at,
        revoked_at=row.revoked_at,
        last_used_at=row.last_used_at,
    )
