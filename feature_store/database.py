"""The database of definitions (keys, scenarios, merges, …): one engine, one Base, one line of migrations.

SQLite in the home folder by default, PostgreSQL by URL. The schema is whatever `migrations/` says, brought
up to date when the database is opened; several processes may open it at once. A write transaction holds
its lock from the start, so that what it read is still true when it writes.
"""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import Connection, Engine, MetaData, create_engine, event, make_url, text
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import DeclarativeBase

from feature_store.errors import SetupError
from feature_store.settings import StoreSettings
from recsys.errors import UnavailableError

__all__ = ["Base", "make_engine", "migrations_folder", "open_database", "reading", "upgrade", "writing"]

_BUSY_MS: Final = 15_000
# Any number will do as long as every process uses the same.
_UPGRADE_LOCK: Final = 7_310_582
# Alembic keeps its context in a module.
_upgrading: Final = threading.Lock()
_AWAY: Final = (OperationalError, InterfaceError)


class Base(DeclarativeBase):
    """Base of all tables; constraint names are fixed so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def open_database(settings: StoreSettings) -> Engine:
    """An engine on the shop's database, its schema up to date.

    Raises UnavailableError when it does not answer, SetupError when a newer version of the product wrote it.
    """
    engine = make_engine(settings.database_url)
    upgrade(engine)
    return engine


def make_engine(url: str) -> Engine:
    """An engine that has not connected yet; for SQLite the folder of the file is made."""
    address = make_url(url)
    if address.get_backend_name() != "sqlite":
        return create_engine(address, pool_pre_ping=True, connect_args={"connect_timeout": 5})
    if address.database:
        Path(address.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(address)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, see _begin_sqlite
    for pragma in (f"busy_timeout = {_BUSY_MS}", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}").close()
    _write_ahead(connection)


def _write_ahead(connection: Any) -> None:
    """Switch to the write-ahead log; SQLite does not wait for another process that is switching, so we do."""
    last_try = time.monotonic() + _BUSY_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").close()
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > last_try:
                raise
            time.sleep(0.02)


def _begin_sqlite(connection: Connection) -> None:
    # A deferred transaction that reads and then writes fails at once if another one wrote in between.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads; UnavailableError when the database is away."""
    with _translated(), engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def writing(engine: Engine, table: str | None = None) -> Iterator[Connection]:
    """A transaction that nobody else writes into: the whole SQLite file, or `table` on PostgreSQL.

    Committed at the end of the block, rolled back by an exception.
    """
    with _translated(), engine.connect().execution_options(writes=True) as connection, connection.begin():
        if table is not None and engine.dialect.name == "postgresql":
            quoted = engine.dialect.identifier_preparer.quote(table)
            connection.execute(text(f"LOCK TABLE {quoted} IN SHARE ROW EXCLUSIVE MODE"))
        yield connection


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except _AWAY as error:
        raise UnavailableError(f"the database does not answer: {error.orig}") from error


def upgrade(engine: Engine) -> None:
    """Apply the migrations that are missing, all or none; safe to call from several processes at once."""
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    try:
        with _upgrading, writing(engine) as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except CommandError as error:
        raise SetupError(
            f"the database cannot be brought up to date: {error}; if a newer version of recsys wrote it, "
            "install that version or choose another RECSYS_DATABASE_URL"
        ) from error


def migrations_folder() -> Path:
    """`migrations/`: inside the package of an installed wheel, at the top of a checkout."""
    here = Path(__file__).parent
    installed = here / "_migrations"
    return installed if installed.is_dir() else here.parent / "migrations"
