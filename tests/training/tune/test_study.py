"""A study: what it keeps, what it gives up, who may share it."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from recsys.errors import InputError
from training.tune.space import GROUPS as GROUP_KEYS
from training.tune.study import Done, Study

ABOUT: dict[str, object] = {"data": "h", "questions": {"next": 3}}
GROUPS = ("als", "linked")
Report = Callable[[int, float], None]


def opened(folder: Path) -> Study:
    return Study.open(folder, ABOUT, seed=3)


def run(study: Study, value: float, *steps: float) -> Done:
    def judge(report: Report) -> dict[str, float]:
        for step, found in enumerate(steps):
            report(step, found)
        return {"value": value}

    return study.run(study.ask(GROUPS), judge)


def test_the_first_trial_changes_nothing_and_the_others_one_group_each(tmp_path: Path) -> None:
    study = opened(tmp_path / "s")
    done = [run(study, 0.1) for _ in range(4)]
    assert [each.group for each in done] == ["", "als", "linked", "als"]
    assert done[0].overrides == {}
    assert set(done[1].overrides) == set(GROUP_KEYS["als"])


def test_a_trial_starts_from_the_best_that_is_known(tmp_path: Path) -> None:
    study = opened(tmp_path / "s")
    run(study, 0.1)
    best = run(study, 0.3)
    assert run(study, 0.2).overrides.items() >= best.overrides.items()
    assert study.best() == best


def test_a_study_goes_on_and_draws_something_else(tmp_path: Path) -> None:
    first = opened(tmp_path / "s")
    drawn = [run(first, 0.1), run(first, 0.1)]
    again = opened(tmp_path / "s")
    assert again.done() == drawn
    run(again, 0.1)
    assert run(again, 0.1).overrides != drawn[1].overrides
    assert [each.number for each in again.done()] == [0, 1, 2, 3]


def test_other_data_or_another_configuration_needs_another_study(tmp_path: Path) -> None:
    run(opened(tmp_path / "s"), 0.1)
    with pytest.raises(InputError, match=r"'s' searched other data.*--study NAME"):
        Study.open(tmp_path / "s", {**ABOUT, "data": "later"}, seed=3)


@pytest.mark.parametrize("name", ["..", "a b", "", "x" * 65])
def test_a_name_that_is_no_file_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="study"):
        Study.open(Path(f"{tmp_path}/{name or ' '}"), ABOUT, seed=3)


def test_a_trial_behind_most_others_at_the_same_step_is_given_up(tmp_path: Path) -> None:
    study = opened(tmp_path / "s")
    for value in (0.1, 0.2, 0.3, 0.4, 0.5):
        run(study, value, 0.9, value)
    worse, better = run(study, 0.25, 0.9, 0.25), run(study, 0.35, 0.9, 0.35)
    assert (worse.value, better.value) == (None, 0.35)
    assert study.done()[-2].group == worse.group


def test_a_reach_is_given_up_only_when_it_is_among_the_lowest(tmp_path: Path) -> None:
    study = opened(tmp_path / "s")
    for reach in (0.1, 0.2, 0.3, 0.4, 0.5):
        run(study, 0.5, reach)
    assert run(study, 0.5, 0.25).value == 0.5
    assert run(study, 0.5, 0.15).value is None


def test_few_trials_give_nobody_up(tmp_path: Path) -> None:
    study = opened(tmp_path / "s")
    for value in (0.5, 0.5, 0.5, 0.5):
        run(study, value, value)
    assert run(study, 0.1, 0.1).value == 0.1


def test_an_interrupted_trial_is_left_as_failed_and_the_first_one_is_made_up_for(tmp_path: Path) -> None:
    study = opened(tmp_path / "s")

    def interrupted(report: Report) -> dict[str, float]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        study.run(study.ask(GROUPS), interrupted)
    assert study.best() is None
    assert run(study, 0.1).group == ""
    assert run(study, 0.2).group in GROUPS
    assert [each.value for each in study.done()] == [None, 0.1, 0.2]


def asks_and(folder: Path, then: str) -> subprocess.Popen[str]:
    """A process that asks for a trial, says its group and does something else."""
    code = f"""
import os, signal, sys
from pathlib import Path
from training.tune.study import Study
study = Study.open(Path({str(folder)!r}), {ABOUT!r}, seed=3)
given = study.ask({GROUPS!r})
print("group", given.group, flush=True)
{then}
"""
    return subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_what_a_killed_process_was_to_measure_as_given_is_measured_by_the_next(tmp_path: Path) -> None:
    killed = asks_and(tmp_path / "s", "os.kill(os.getpid(), signal.SIGKILL)")
    assert killed.communicate()[0] == "group \n"
    assert killed.returncode == -signal.SIGKILL
    study = opened(tmp_path / "s")
    assert study.given() is None
    done = [run(study, 0.1) for _ in range(2)]
    assert [each.group for each in done] == ["", "linked"]
    assert study.given() == done[0]


def test_while_one_process_measures_the_configuration_as_given_others_go_on(tmp_path: Path) -> None:
    other = asks_and(tmp_path / "s", "sys.stdin.read()")
    assert other.stdout is not None
    assert other.stdout.readline() == "group \n"
    study = opened(tmp_path / "s")
    assert run(study, 0.5).group in GROUPS
    assert (study.given(), study.best().value) == (None, 0.5)
    other.communicate("")
    assert run(study, 0.2).group == ""


def test_the_configuration_as_given_stays_as_given_and_is_never_given_up(tmp_path: Path) -> None:
    """Measured late, when better trials are known."""
    other = asks_and(tmp_path / "s", "sys.stdin.read()")
    assert other.stdout is not None
    other.stdout.readline()
    study = opened(tmp_path / "s")
    for value in (0.1, 0.2, 0.3, 0.4, 0.5):
        run(study, value, 0.9, value)
    other.communicate("")
    given = run(study, 0.05, 0.05, 0.05)
    assert (given.group, given.overrides, given.value) == ("", {}, 0.05)
    assert study.given() == given


def test_two_processes_share_a_study(tmp_path: Path) -> None:
    code = f"""
import time
from pathlib import Path
from training.tune.study import Study
study = Study.open(Path({str(tmp_path / "both")!r}), {ABOUT!r}, seed=3)
def judge(report):
    report(0, 0.5)
    time.sleep(0.05)
    return {{"value": 0.5}}
for _ in range(6):
    study.run(study.ask({GROUPS!r}), judge)
"""
    both = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
    assert [process.wait(120) for process in both] == [0, 0]
    done = opened(tmp_path / "both").done()
    assert [each.number for each in done] == list(range(12))
    assert [each.value for each in done] == [0.5] * 12
    assert [each.group for each in done].count("") == 1
