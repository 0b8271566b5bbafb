"""Overlap of lists, and the shoppers shown as examples, on two releases of the small shop."""

from typing import Any

import numpy as np
import pytest

from training.changed import Pair, overlaps, pick_examples
from training.lists import Candidate
from training.resources import Shop

pytestmark = pytest.mark.xdist_group("training")


@pytest.fixture
def candidate(trained_shop: Shop) -> Candidate:
    (name,) = trained_shop.releases.known()
    return Candidate(trained_shop.releases.find(name), trained_shop.exam())


def codes(candidate: Candidate, *ids: str) -> Any:
    return candidate.exam.log.items.encode(ids)


def test_the_share_of_common_items_ignores_padding_and_order() -> None:
    ours = np.array([[1, 2, 3, 4], [1, 2, -1, -1], [-1, -1, -1, -1], [5, 6, -1, -1]])
    theirs = np.array([[4, 3, 9, 8], [2, 1, -1, -1], [-1, -1, -1, -1], [5, 6, 7, 8]])
    assert overlaps(ours, theirs).tolist() == [0.5, 1.0, 1.0, 0.5]


def test_items_that_the_log_does_not_know_are_told_apart_by_id(candidate: Candidate) -> None:
    """Two releases number such items each for itself; the same number may be another item."""

    class Stranger:
        """The same release, but its items beyond the log have names of their own."""

        def __init__(self, names: list[str]) -> None:
            self.pipeline, self.exam = candidate.pipeline, candidate.exam
            self._names = names

        def item_ids(self, listed: Any) -> list[str]:
            return [self._names[code - len(self.exam.log.items)] for code in listed.tolist()]

    beyond = len(candidate.exam.log.items)
    one, other = Stranger(["a", "b"]), Stranger(["b", "c"])
    pair = Pair((one, np.array([[beyond, beyond + 1]])), (other, np.array([[beyond, beyond + 1]])))
    assert pair.overlaps().tolist() == [0.5]
    assert [pair.title(code) for code in pair.champion[0].tolist()] == ["b", "c"]


def test_examples_are_the_lists_with_least_in_common_in_words(candidate: Candidate) -> None:
    asked = candidate.exam.questions["all"]
    row = 3
    wanted = int(asked.truth[[row]].indices[0])
    other = next(code for code in range(len(candidate.exam.log.items)) if code != wanted)
    ours = np.tile(codes(candidate, "绿茶-1", "绿茶-2"), (len(asked), 1))
    theirs = ours.copy()
    ours[row], theirs[row] = [wanted, -1], [other, -1]
    theirs[5, 1] = codes(candidate, "milk-7")[0]
    figures = (np.zeros(len(asked)), np.zeros(len(asked)))
    first, second = pick_examples(Pair((candidate, ours), (candidate, theirs)), figures)
    assert (first.question, first.overlap, second.question, second.overlap) == (row + 1, 0.0, 6, 0.5)
    assert [(place.shared, place.hit) for place in first.challenger] == [(False, True)]
    assert [place.shared for place in second.champion] == [True, False]
    assert second.champion[1].title == "milk7号"
    assert len(first.history) == len(set(first.history)) > 0
    bought = candidate.query("all", row).history.items.tolist()
    assert first.history[0] == candidate.pipeline.catalogue.title(bought[-1])


def test_among_equals_those_whose_figure_moved_most_come_first(candidate: Candidate) -> None:
    asked = candidate.exam.questions["all"]
    ours = np.tile(codes(candidate, "绿茶-1"), (len(asked), 1))
    theirs = np.tile(codes(candidate, "绿茶-2"), (len(asked), 1))
    moved = np.zeros(len(asked))
    moved[[7, 2]] = [0.9, 0.4]
    found = pick_examples(Pair((candidate, ours), (candidate, theirs)), (moved, np.zeros(len(asked))), most=3)
    assert [example.question for example in found] == [8, 3, 1]


def test_equal_lists_give_no_examples(candidate: Candidate) -> None:
    lists = np.tile(codes(candidate, "绿茶-1"), (len(candidate.exam.questions["all"]), 1))
    figures = (np.zeros(len(lists)), np.zeros(len(lists)))
    assert pick_examples(Pair((candidate, lists), (candidate, lists)), figures) == []
