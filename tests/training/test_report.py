"""Times and memory of a run."""

import io

import pytest
from rich.console import Console

from training.report import Steps, peak_memory_bytes


@pytest.fixture
def steps() -> Steps:
    return Steps(Console(file=io.StringIO(), width=100))


def printed(steps: Steps) -> str:
    assert isinstance(steps.console.file, io.StringIO)
    return steps.console.file.getvalue()


def test_every_step_is_noted_in_order(steps: Steps) -> None:
    with steps.step("read the log"):
        steps("read the log", 1, 2)
    with steps.step("训练"):
        pass
    assert [step.name for step in steps.times] == ["read the log", "训练"]
    assert steps.seconds == sum(step.seconds for step in steps.times)
    assert printed(steps).count(" s  ") == 2


def test_a_step_that_fails_is_noted_too(steps: Steps) -> None:
    with pytest.raises(ValueError, match="broken"), steps.step("fit"):
        raise ValueError("broken")
    assert [step.name for step in steps.times] == ["fit"]


def test_progress_between_steps_is_ignored(steps: Steps) -> None:
    steps("nothing runs", 1, 2)
    assert printed(steps) == ""


def test_the_peak_grows_with_what_was_touched() -> None:
    before = peak_memory_bytes()
    block = b"x" * (before + 2**25)
    assert peak_memory_bytes() >= len(block)


def test_the_table_ends_with_the_total(steps: Steps) -> None:
    with steps.step("read the log"):
        pass
    steps.console.print(steps.table())
    assert "all" in printed(steps)
    assert "MiB" in printed(steps)
