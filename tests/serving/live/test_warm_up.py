from typing import Any

import numpy as np
import pytest

from recsys.errors import ReleaseCorrupt
from recsys.pipeline import Pipeline
from recsys.query import Answer
from serving.live.warm_up import warm_up


def test_a_good_release_answers(made: Any) -> None:
    warm_up(Pipeline.load(made.folder), 1_790_000_000_000)


def test_a_release_that_shows_nothing_to_anybody_is_refused(made: Any) -> None:
    pipeline = Pipeline.load(made.folder)

    class Silent:
        vocabulary, catalogue = pipeline.vocabulary, pipeline.catalogue

        def recommend(self, query: Any) -> Answer:
            nothing = np.empty(0, np.int32)
            return Answer(nothing, nothing.astype(np.float32), (), None, (), {}, nothing)

    with pytest.raises(ReleaseCorrupt, match="shows none"):
        warm_up(Silent(), 1_790_000_000_000)  # type: ignore[arg-type]


def test_a_release_of_which_everything_is_sold_out_is_fine(made: Any) -> None:
    pipeline = Pipeline.load(made.folder)
    for item_id in list(pipeline.vocabulary.ids):
        pipeline.catalogue.remove(item_id)
    warm_up(pipeline, 1_790_000_000_000)
