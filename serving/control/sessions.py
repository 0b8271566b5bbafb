"""ORM sessions on the two kinds of transaction `feature_store.database` offers.

Either raises UnavailableError when the database is away; what a writing session has read is still true
when it commits.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from feature_store.database import reading, writing

__all__ = ["reading_session", "writing_session"]


@contextmanager
def reading_session(engine: Engine) -> Iterator[Session]:
    """A session that only reads."""
    with reading(engine) as connection, Session(connection) as session:
        yield session


@contextmanager
def writing_session(engine: Engine, table: str) -> Iterator[Session]:
    """A session that nobody else writes `table` beside; committed at the end of the block."""
    with writing(engine, table) as connection, Session(connection) as session, session.begin():
        yield session
