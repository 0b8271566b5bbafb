"""Who is who: merges of shoppers as rows with a time, undone by a time; stored events are never rewritten.

The database is the truth. The online store mirrors the edges in force so that a request sees a shopper's
ids as one; a mirror that missed a change (it was away) is repaired by repeating the call, or all at once
by `mirror_all`.
"""

from typing import Final

from sqlalchemy import BigInteger, Connection, Engine, Index, Integer, String, insert, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from feature_store.database import Base, reading, writing
from feature_store.identity_edges import IdentityEdge
from feature_store.online.contract import IdentityStore
from recsys.errors import InputError

__all__ = ["Identities", "IdentityEdgeRow"]

_ROW_NUMBER: Final = BigInteger().with_variant(Integer, "sqlite")
_IN_FORCE: Final = text("undone_at IS NULL")


class IdentityEdgeRow(Base):
    """`from_id` was merged into `into_id` at `at` (ms); `undone_at` says that it no longer is."""

    __tablename__ = "identity_edges"
    __table_args__ = (
        Index(
            "uq_identity_edges_in_force",
            "from_id",
            unique=True,
            sqlite_where=_IN_FORCE,
            postgresql_where=_IN_FORCE,
        ),
    )

    number: Mapped[int] = mapped_column(_ROW_NUMBER, primary_key=True, autoincrement=True)
    from_id: Mapped[str] = mapped_column(String(128), index=True)
    into_id: Mapped[str] = mapped_column(String(128), index=True)
    at: Mapped[int] = mapped_column(BigInteger)
    undone_at: Mapped[int | None] = mapped_column(BigInteger)


_Row = IdentityEdgeRow


class Identities:
    """Merges and their undoing, in the database and in its online mirror."""

    def __init__(self, engine: Engine, mirror: IdentityStore | None = None) -> None:
        self._engine = engine
        self._mirror = mirror

    def merge(self, from_id: str, into_id: str, at: int) -> bool:
        """`from_id` is the shopper `into_id` since `at`; False when that was known.

        Raises InputError for a circle or when `from_id` is merged into another shopper, UnavailableError
        when the database or the online store is away (then repeat the call).
        """
        with writing(self._engine, _Row.__tablename__) as connection:
            parent = _parent(connection, from_id)
            if parent not in (None, into_id):
                raise InputError(f"{from_id!r} is merged into {parent!r}; unmerge it first")
            if from_id in _path_up(connection, into_id):
                raise InputError(f"{into_id!r} is part of {from_id!r}; merging them would close a circle")
            if parent is None:
                values = {"from_id": from_id, "into_id": into_id, "at": at}
                connection.execute(insert(_Row).values(values))
            undone = _undone(connection, from_id)
        if self._mirror is not None:
            for former in undone - {into_id}:
                self._mirror.unmerge(from_id, former)
            self._mirror.merge(from_id, into_id, at)
        return parent is None

    def unmerge(self, from_id: str, into_id: str, at: int) -> bool:
        """Take the merge back from `at` on; False when there is none in force."""
        with writing(self._engine, _Row.__tablename__) as connection:
            edge = (_Row.from_id == from_id) & (_Row.into_id == into_id) & _Row.undone_at.is_(None)
            undone = connection.execute(update(_Row).where(edge).values(undone_at=at)).rowcount > 0
        if self._mirror is not None:
            self._mirror.unmerge(from_id, into_id)
        return undone

    def edges(self) -> list[IdentityEdge]:
        """Every edge there ever was, oldest first: what `identity_edges.resolve` reads."""
        wanted = select(_Row.from_id, _Row.into_id, _Row.at, _Row.undone_at).order_by(_Row.at, _Row.number)
        with reading(self._engine) as connection:
            return [IdentityEdge(*row) for row in connection.execute(wanted)]

    def mirror_all(self, store: IdentityStore) -> int:
        """Tell an online store every edge, for one that is new or was away; returns how many are in force."""
        edges = self.edges()
        in_force = [edge for edge in edges if edge.undone_at is None]
        pairs = {(edge.from_id, edge.into_id) for edge in in_force}
        for edge in edges:
            if (edge.from_id, edge.into_id) not in pairs:
                store.unmerge(edge.from_id, edge.into_id)
        for edge in in_force:
            store.merge(edge.from_id, edge.into_id, edge.at)
        return len(in_force)


def _parent(connection: Connection, shopper: str) -> str | None:
    wanted = select(_Row.into_id).where(_Row.from_id == shopper, _Row.undone_at.is_(None))
    return connection.execute(wanted).scalar()


def _path_up(connection: Connection, shopper: str) -> list[str]:
    path = [shopper]
    while (parent := _parent(connection, path[-1])) is not None:
        path.append(parent)
    return path


def _undone(connection: Connection, shopper: str) -> set[str]:
    wanted = select(_Row.into_id).where(_Row.from_id == shopper, _Row.undone_at.is_not(None))
    return set(connection.execute(wanted).scalars())
