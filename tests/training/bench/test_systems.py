"""The systems of a release alone: what a source may list, and what the stack is given."""

import numpy as np
import pytest

from recsys.config import ReleaseConfig
from recsys.train import fit_release
from training.bench.problems import Course
from training.bench.systems import RULE, STACK, ReleaseSystems


@pytest.fixture(scope="module")
def release(course: Course, tmp_path_factory: pytest.TempPathFactory) -> ReleaseSystems:
    folder = tmp_path_factory.mktemp("release")
    fit_release(course.train, course.items, {}, ReleaseConfig(), folder, seed=0)
    return ReleaseSystems(folder, {"own", "trending", RULE, STACK})


def test_only_what_is_wanted_is_asked(release: ReleaseSystems) -> None:
    assert list(release.systems) == ["own", "trending", RULE, STACK]
    assert release.sources == ("own", "trending")


def test_a_source_alone_lists_what_it_knows_and_nothing_else(release: ReleaseSystems, course: Course) -> None:
    problem = course.problems[1]
    answered = release.answer(problem, "all", lambda *_: None)
    log, asked = course.train, problem.exam.questions["all"]
    for codes, user in zip(answered["own"].lists, asked.users, strict=True):
        assert set(codes[codes >= 0]) == set(log.item[log.user == user])
    assert answered["own"].query_us > 0


def test_lists_for_new_items_hold_none_that_was_seen(release: ReleaseSystems, course: Course) -> None:
    problem = course.problems[0]
    asked = problem.exam.questions["new"]
    for name, answered in release.answer(problem, "new", lambda *_: None).items():
        for row, codes in enumerate(answered.lists):
            seen = asked.seen.indices[asked.seen.indptr[row] : asked.seen.indptr[row + 1]]
            assert not np.isin(codes, seen).any(), name


def test_the_stack_fills_its_lists(release: ReleaseSystems, course: Course) -> None:
    answered = release.answer(course.problems[1], "all", lambda *_: None)
    assert (answered[STACK].lists >= 0).all()


def test_a_release_answers_the_same_twice(release: ReleaseSystems, course: Course) -> None:
    problem = course.problems[0]
    first, second = (release.answer(problem, "all", lambda *_: None)[STACK].lists for _ in range(2))
    assert np.array_equal(first, second)
