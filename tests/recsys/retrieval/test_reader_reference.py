"""The compiled reading of a history equals the one written with whole columns; a taste vector equals the exact one."""

import numpy as np
import pytest

from recsys.config import ReleaseConfig
from recsys.history import EMPTY_HISTORY, History
from recsys.models.als import Als, AlsConfig
from recsys.models.tags import TagVectors
from recsys.query import Query
from recsys.retrieval.reader import TasteReader
from recsys.types import EVENT_CODES, EventType
from recsys.vocabulary import Vocabulary
from recsys.weights import DAY_MS, HOUR_MS, Fading, event_values, net_items

N, D = 300, 16


def reader_of(own_fading: Fading | None, seeds: int) -> TasteReader:
    generator = np.random.default_rng(0)
    factors = generator.normal(size=(N, D)).astype(np.float32)
    retrieval = {"own_fading": own_fading, "seeds": seeds}
    config = ReleaseConfig.model_validate({"retrieval": retrieval})
    als = Als(AlsConfig(embedding_size=D, alpha=3.0), factors, factors.T @ factors)
    tags = TagVectors(Vocabulary([]), np.zeros(D, np.float32), np.zeros((0, D), np.float32))
    return TasteReader(config, als, tags, 0)


def history_of(generator: np.random.Generator) -> History:
    size = int(generator.integers(0, 70))
    items = generator.integers(0, generator.choice((1, 6, N)), size)
    times = np.sort(generator.integers(0, generator.choice((1, 60, 10_000)), size))
    kinds = generator.integers(0, len(EVENT_CODES), size)
    unit = int(generator.choice((60_000, HOUR_MS, DAY_MS)))
    return History(items.astype(np.int32), kinds.astype(np.int8), times * unit)


def worth(reader: TasteReader, history: History) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Own items, their worth to the own list, and their worth to models."""
    behaviour = reader.config.behaviour
    newest = int(history.times[-1]) if len(history) else 0
    columns = (history.types, history.times, newest, behaviour)
    codes, own = net_items(history.items, event_values(*columns, reader.config.retrieval.own_fading))
    model = [event_values(*columns)[history.items == code].sum(dtype=np.float64) for code in codes]
    return codes, own, np.maximum(np.array(model, np.float32), 0)


def most_recent(history: History, own: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Distinct own items, the one of the latest event first, and the hours since."""
    wanted = np.isin(history.items, own)
    backwards, times = history.items[wanted][::-1], history.times[wanted][::-1]
    first = np.sort(np.unique(backwards, return_index=True)[1])[:most]
    hours = ((history.times.max(initial=0) - times[first]) / HOUR_MS).astype(np.float32)
    return backwards[first], hours


@pytest.mark.parametrize("own_fading", [None, Fading(days=1, exponent=1), Fading(days=90, exponent=0)])
@pytest.mark.parametrize("seeds", [1, 20])
def test_a_taste_equals_the_reference(own_fading: Fading | None, seeds: int) -> None:
    reader, generator = reader_of(own_fading, seeds), np.random.default_rng(seeds)
    for _ in range(400):
        history = history_of(generator)
        taste = reader.read(Query(as_of=0, history=history))
        codes, own, model = worth(reader, history)
        recent, ages = most_recent(history, codes, seeds)
        np.testing.assert_array_equal(taste.own, codes)
        np.testing.assert_allclose(taste.own_values, own, rtol=1e-6)
        np.testing.assert_array_equal(taste.recent, recent)
        np.testing.assert_allclose(taste.recent_ages, ages, rtol=1e-6)
        np.testing.assert_allclose(taste.recent_weights, 0.8 ** np.arange(len(recent)), rtol=1e-6)
        if not len(codes):
            assert taste.vector is None
            continue
        np.testing.assert_allclose(taste.vector, exact_vector(reader.als, codes, model), rtol=1e-4, atol=1e-6)


def exact_vector(als: Als, codes: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Equation 4 of the paper in double precision."""
    factors, alpha = als.item_factors[codes].astype(np.float64), als.config.alpha
    confidence = 1 + (alpha or 0) * np.log1p(values.astype(np.float64))
    left = als.gram + (factors.T * (confidence - 1)) @ factors + als.config.regularization * np.eye(D)
    return np.linalg.solve(left, confidence @ factors)


def test_a_history_of_nothing_wanted_has_no_taste() -> None:
    reader = reader_of(None, 20)
    gone = History(
        np.array([4, 4], np.int32),
        np.array([EVENT_CODES[EventType.PURCHASE], EVENT_CODES[EventType.RETURN]], np.int8),
        np.array([0, HOUR_MS], np.int64),
    )
    for history in (EMPTY_HISTORY, gone):
        taste = reader.read(Query(as_of=0, history=history))
        assert not len(taste.own) and not len(taste.recent)
        assert taste.vector is None
