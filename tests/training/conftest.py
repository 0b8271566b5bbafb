"""Small logs made by construction."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from recsys.interactions import Interactions
from recsys.types import EVENT_CODES, EventType
from recsys.vocabulary import Vocabulary

Row = tuple[str, str, EventType, int]


def interactions(rows: Sequence[Row], items: Sequence[str] = ()) -> Interactions:
    """Columns of (user, item, type, time) rows; `items` are known besides."""
    users = Vocabulary(dict.fromkeys(row[0] for row in rows))
    known = Vocabulary(dict.fromkeys([*items, *(row[1] for row in rows)]))
    return Interactions.sort(
        users=users,
        items=known,
        columns=(
            users.encode(row[0] for row in rows),
            known.encode(row[1] for row in rows),
            np.array([EVENT_CODES[row[2]] for row in rows], np.int8),
            np.array([row[3] for row in rows], np.int64),
            np.full(len(rows), -1, np.int32),
            np.ones(len(rows), np.float32),
        ),
    )


@pytest.fixture(scope="session")
def log() -> Callable[..., Interactions]:
    return interactions
