"""The tables of the control plane: access keys, scenarios, the audit trail, and which seeds were loaded.

Times are integer milliseconds since the epoch, UTC. A scenario is one JSON document, which
`serving.control.scenarios` turns into frozen values, because it is always read and written whole.
"""

from sqlalchemy import BigInteger, Boolean, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from feature_store.database import Base

__all__ = ["AccessKeyRow", "AuditRow", "ScenarioRow", "SeedRow"]

# SQLite numbers rows by itself only in a column it calls INTEGER.
_RowNumber = BigInteger().with_variant(Integer, "sqlite")


class AccessKeyRow(Base):
    """One API key; the secret itself is never stored, only its SHA-256."""

    __tablename__ = "access_keys"

    key_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(128))
    role: Mapped[str] = mapped_column(String(32))
    browser: Mapped[bool] = mapped_column(Boolean)
    secret_sha256: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[int] = mapped_column(BigInteger)
    revoked_at: Mapped[int | None] = mapped_column(BigInteger)
    last_used_at: Mapped[int | None] = mapped_column(BigInteger)


class ScenarioRow(Base):
    """One scenario hall; `place` orders them where a storefront lists several."""

    __tablename__ = "scenarios"

    slug: Mapped[str] = mapped_column(String(64), primary_key=True)
    place: Mapped[int] = mapped_column(Integer)
    document: Mapped[str] = mapped_column(Text)
    updated_at: Mapped[int] = mapped_column(BigInteger)


class SeedRow(Base):
    """A seed file that was loaded; it is never loaded again, even if what it brought was deleted since."""

    __tablename__ = "seeds"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    loaded_at: Mapped[int] = mapped_column(BigInteger)


class AuditRow(Base):
    """Who changed what, when. Rows are only ever added."""

    __tablename__ = "audit"

    number: Mapped[int] = mapped_column(_RowNumber, primary_key=True, autoincrement=True)
    at: Mapped[int] = mapped_column(BigInteger, index=True)
    actor: Mapped[str] = mapped_column(String(128))
    action: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(256), index=True)
    detail: Mapped[str] = mapped_column(Text)
