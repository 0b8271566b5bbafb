"""A real release sits an exam."""

from dataclasses import replace

import numpy as np
import pytest

from recsys.history import History
from recsys.query import Query
from training.exam import Exam
from training.lists import Candidate
from training.resources import Shop

pytestmark = pytest.mark.xdist_group("training")


def quiet(_text: str, _done: int, _total: int) -> None:
    """Progress that nobody watches."""


@pytest.fixture
def exam(trained_shop: Shop) -> Exam:
    return trained_shop.exam()


@pytest.fixture
def candidate(trained_shop: Shop, exam: Exam) -> Candidate:
    (release_id,) = trained_shop.releases.known()
    return Candidate(trained_shop.releases.twins / release_id, exam)


def test_every_question_gets_a_full_list_of_distinct_eligible_items(candidate: Candidate, exam: Exam) -> None:
    lists = candidate.answer(quiet)["all"]
    assert lists.shape == (60, 20)
    assert candidate.eligible()[lists].all()
    assert all(len(set(row)) == 20 for row in lists.tolist())


def test_new_lists_hold_nothing_the_shopper_ever_touched(candidate: Candidate, exam: Exam) -> None:
    lists, asked = candidate.answer(quiet)["new"], exam.questions["new"]
    for row, codes in enumerate(lists):
        seen = asked.seen.indices[asked.seen.indptr[row] : asked.seen.indptr[row + 1]]
        assert not set(codes[codes >= 0].tolist()) & set(seen.tolist())


def test_the_list_is_what_the_pipeline_says_to_the_same_history(candidate: Candidate, exam: Exam) -> None:
    user = int(exam.questions["all"].users[7])
    mine = exam.log.user == user
    names = exam.log.items.decode(exam.log.item[mine])
    rows = zip(names, exam.log.type[mine].tolist(), exam.log.time[mine].tolist(), strict=True)
    history = History.of(rows, candidate.pipeline.vocabulary, exam.split.cut, exam.history_length)
    attributes = exam.attributes.get(exam.log.users[user], {})
    answer = candidate.pipeline.recommend(Query(as_of=exam.split.cut, history=history, attributes=attributes))
    listed = candidate.answer(quiet)["all"][7]
    assert exam.log.items.decode(listed) == candidate.pipeline.vocabulary.decode(answer.items)


def test_a_history_is_cut_to_what_serving_would_see(trained_shop: Shop, exam: Exam) -> None:
    (release_id,) = trained_shop.releases.known()
    short = Candidate(trained_shop.releases.twins / release_id, replace(exam, history_length=3))
    user = int(exam.questions["all"].users[0])
    times = exam.log.time[exam.log.user == user]
    assert short.query("all", 0).history.times.tolist() == times[-3:].tolist()


def test_live_a_history_ends_before_its_question_and_reaches_into_the_window(trained_shop: Shop) -> None:
    trained_shop.config = trained_shop.config.asking("next", touched=True)
    exam = trained_shop.exam()
    assert exam.parts == ("all", "new")
    (release_id,) = trained_shop.releases.known()
    candidate = Candidate(trained_shop.releases.twins / release_id, exam)
    asked, ids = exam.questions["all"], candidate.pipeline.vocabulary
    inside = 0
    for row in range(0, len(asked), 17):
        query, user = candidate.query("all", row), int(asked.users[row])
        mine = exam.history_log.where(exam.history_log.user == user)
        before = mine.where(mine.time <= query.as_of)
        assert query.history.times.tolist() == before.time.tolist()[-exam.history_length :]
        assert ids.decode(query.history.items[-3:]) == exam.log.items.decode(before.item[-3:])
        assert query.as_of == query.history.times[-1]
        inside += query.as_of >= exam.split.cut
    assert inside > 0


def test_live_the_items_of_one_basket_get_one_list(trained_shop: Shop) -> None:
    trained_shop.config = trained_shop.config.asking("next", touched=False)
    exam = trained_shop.exam()
    (release_id,) = trained_shop.releases.known()
    few = exam.questions["all"].where(np.arange(len(exam.questions["all"])) < 30)
    candidate = Candidate(
        trained_shop.releases.twins / release_id,
        replace(exam, questions={"all": few, "new": few.where(np.zeros(30, bool))}),
    )
    lists = candidate.answer(quiet)["all"]
    for row, line in enumerate(lists.tolist()):
        answer = candidate.pipeline.recommend(candidate.query("all", row))
        assert exam.log.items.decode(line) == candidate.pipeline.vocabulary.decode(answer.items)
    assert len({tuple(line) for line in lists.tolist()}) < 30


def test_items_the_log_never_named_get_codes_of_their_own(trained_shop: Shop, exam: Exam) -> None:
    """The log knows half of the catalogue: lists of the other half are counted, and never right."""
    (release_id,) = trained_shop.releases.known()
    half = exam.log.items.ids[::2]
    few = exam.log.where(np.isin(exam.log.item, exam.log.items.encode(half)))
    from training.dataset import with_catalogue

    thin = replace(exam.split, train=with_catalogue(few, []))
    candidate = Candidate(trained_shop.releases.twins / release_id, replace(exam, split=thin))
    assert len(thin.train.items) == 40
    assert candidate.eligible().sum() == 80
    assert len(candidate.eligible()) == 80
