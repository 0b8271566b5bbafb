"""Figures of systems whose lists are known, and the stack beside others."""

from collections.abc import Mapping

import numpy as np
import pytest

from training.bench.cost import Cost, measured
from training.bench.problems import Course, Problem
from training.bench.report import LEADERBOARD_HEAD, Stamp, append, config_hash, experiment, leaderboard, plain
from training.bench.results import BEST_SOURCE, CourseResult, Kind, PartResult, ReleaseFacts, Row, scored
from training.bench.systems import Answered
from training.exam import Part


def oracle(problem: Problem, part: Part) -> np.ndarray:
    """The truth itself, in any order."""
    truth = problem.exam.questions[part].truth
    lists = np.full((truth.shape[0], problem.exam.longest), -1, np.int32)
    for row in range(len(lists)):
        codes = truth.indices[truth.indptr[row] : truth.indptr[row + 1]]
        lists[row, : len(codes)] = codes
    return lists


def half(lists: np.ndarray) -> np.ndarray:
    """Every second question answered with nothing."""
    lists = lists.copy()
    lists[::2] = -1
    return lists


def row(problem: Problem, part: Part, name: str, kind: Kind, lists: np.ndarray) -> Row:
    return Row(
        name, kind, scored(name, {part: Answered(lists, 5.0)}, problem)[part], 5.0, Cost(name, 1.0, 2**20)
    )


@pytest.fixture
def frozen(course: Course) -> PartResult:
    problem = course.problems[1]
    right = oracle(problem, "all")
    rows = [
        row(problem, "all", "nothing", "source", np.full_like(right, -1)),
        row(problem, "all", "every second", "source", half(right)),
        row(problem, "all", "stack", "stack", right),
        row(problem, "all", "ALS defaults", "peer", np.full_like(right, -1)),
    ]
    return PartResult(problem, "all", rows)


def by_role(part: PartResult) -> Mapping[str, tuple[str, float, float]]:
    return {found.role: (found.other, found.difference.mean, found.relative) for found in part.versus()}


@pytest.mark.parametrize("which", range(3))
def test_an_oracle_scores_one_on_every_protocol(course: Course, which: int) -> None:
    problem = course.problems[which]
    answered = {part: Answered(oracle(problem, part), 0.0) for part in problem.exam.parts}
    for part, scores in scored("oracle", answered, problem).items():
        if len(problem.exam.questions[part]):
            for metric in problem.metrics:
                assert scores.interval(metric).mean == pytest.approx(1.0), (part, metric)


def test_the_stack_is_compared_with_its_best_source_and_with_als(frozen: PartResult) -> None:
    other, mean, relative = by_role(frozen)[BEST_SOURCE]
    assert (other, mean, relative) == ("every second", pytest.approx(13 / 25), pytest.approx(13 / 12))
    other, mean, relative = by_role(frozen)["ALS defaults"]
    assert (other, mean) == ("ALS defaults", pytest.approx(1.0))
    assert np.isnan(relative)


def test_a_difference_that_is_there_has_a_small_p_and_none_has_one_of_one(frozen: PartResult) -> None:
    assert frozen.versus()[0].difference.p_value < 0.001
    same = PartResult(
        frozen.problem,
        "all",
        [frozen.rows[2], row(frozen.problem, "all", "twin", "source", oracle(frozen.problem, "all"))],
    )
    assert same.versus()[0].difference.p_value == 1.0


def test_without_a_stack_nothing_is_compared(frozen: PartResult) -> None:
    assert PartResult(frozen.problem, "all", frozen.rows[:2]).versus() == []


def test_behaviours_are_reported_apart(course: Course) -> None:
    problem = course.problems[0]
    found = PartResult(problem, "all", [row(problem, "all", "stack", "stack", oracle(problem, "all"))])
    figures = found.plain()["systems"]["stack"]["by_behaviour"]
    assert {name: value["ndcg@20"]["mean"] for name, value in figures.items()} == {
        "purchase": 1.0,
        "view": 1.0,
    }


def test_a_section_and_the_leaderboard_name_what_a_figure_came_from(
    course: Course, frozen: PartResult, tmp_path_factory: pytest.TempPathFactory
) -> None:
    release = ReleaseFacts("0123456789abcdef", ("a shop of tests",), Cost("release", 3.0), ())
    result = CourseResult("tiny", course.data, [frozen], release, ["a note"])
    stamp = Stamp("1.0 (abc)", config_hash())
    text = experiment(result, stamp)
    assert text.startswith("## 2015-08-")
    assert "| every second | 0.4800 [" in text
    assert "stack less best single source (every second) +0.5200" in text
    assert "a shop of tests" in text and "a note" in text
    file = tmp_path_factory.mktemp("docs") / "leaderboard.md"
    for _ in range(2):
        append(leaderboard(result, stamp), file, LEADERBOARD_HEAD)
    lines = file.read_text("utf-8").splitlines()
    assert lines.count(LEADERBOARD_HEAD.splitlines()[0]) == 1
    stack = [line for line in lines if "| stack |" in line]
    assert len(stack) == 2
    for part in ("0123456789abcdef", stamp.config, stamp.code, course.data.hash, "1.0000 [1.000, 1.000]"):
        assert part in stack[0]
    assert plain([result], stamp)["datasets"]["tiny"]["release_id"] == "0123456789abcdef"


def test_another_configuration_has_another_hash() -> None:
    from recsys.config import ReleaseConfig, RetrievalConfig

    assert config_hash() == config_hash(ReleaseConfig())
    assert config_hash() != config_hash(ReleaseConfig(retrieval=RetrievalConfig(seeds=3)))


def test_what_is_measured_includes_memory_that_was_freed_again() -> None:
    with measured("block") as cost:
        # Much more than the system may take back from a big idle process meanwhile.
        block = np.ones(400_000_000, np.int8)
        del block
    assert cost.memory_bytes > 250_000_000
    with measured("nothing") as after:
        pass
    assert after.memory_bytes < 5_000_000
