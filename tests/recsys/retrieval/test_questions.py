"""What an index is judged by: real shoppers' items up to some moment, as the pipeline would read them."""

import numpy as np

from recsys.interactions import Interactions
from recsys.retrieval.questions import mixed_questions, taste_questions
from recsys.types import EVENT_CODES, EventType
from recsys.vocabulary import Vocabulary

VIEW = EVENT_CODES[EventType.VIEW]


def log(*histories: list[int], items: int = 5) -> Interactions:
    """One shopper a history, an event a millisecond."""
    user = np.repeat(np.arange(len(histories)), [len(history) for history in histories]).astype(np.int32)
    item = np.array([each for history in histories for each in history], np.int32)
    return Interactions.sort(
        users=Vocabulary([f"u{number}" for number in range(len(histories))]),
        items=Vocabulary([f"i{number}" for number in range(items)]),
        columns=(
            user,
            item,
            np.full(len(item), VIEW, np.int8),
            np.arange(len(item), dtype=np.int64),
            user.copy(),
            np.ones(len(item), np.float32),
        ),
    )


def test_a_question_is_a_shoppers_first_items_and_each_once() -> None:
    folded: list[list[int]] = []

    def fold_in(items: np.ndarray, values: np.ndarray) -> np.ndarray:
        assert (values == 1).all() and len(values) == len(items)
        folded.append(items.tolist())
        return np.full(3, len(items), np.float32)

    asked = taste_questions(log([4, 1, 4, 2], [3], []), fold_in, 3, seed=0)
    assert sorted(folded, key=len) in ([[3], first] for first in ([4], [1, 4], [1, 2, 4]))
    assert asked.tolist() == [[len(items)] * 3 for items in folded]
    assert taste_questions(log([]), fold_in, 3, seed=0).shape == (0, 3)


def test_mixed_questions_lean_on_the_latest_item_and_have_length_one() -> None:
    """Items with no vector ask nothing; one shopper in four asks for what goes with the latest item alone."""
    vectors = np.vstack([np.eye(4), np.zeros(4)]).astype(np.float32)
    asked = mixed_questions(log(*[[0, 1]] * 40, [4]), vectors, seeds=20, decay=0.5, seed=3)
    assert len(asked) == 40
    np.testing.assert_allclose(np.linalg.norm(asked, axis=1), 1, rtol=1e-6)
    kinds = {tuple(row) for row in np.rint(1000 * asked).astype(int).tolist()}
    assert kinds == {(1000, 0, 0, 0), (0, 1000, 0, 0), (447, 894, 0, 0)}
    assert mixed_questions(log([]), vectors, seeds=20, decay=0.5, seed=3).shape == (0, 4)
