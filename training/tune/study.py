"""A study: the trials of one search, kept in a file that any number of processes may add to.

Only this module imports optuna, inside functions. Invariants: a trial is written when it begins and when it ends, so
stopping at any moment keeps what was done; a study holds trials of one window and one configuration only. The
configuration as given is measured to its end, by one process at a time: that one holds a lock, which the system takes
back from a process that was killed. (A trial's RUNNING in the file outlives its process, and its age cannot tell a
dead trial from a long one.)
"""

import fcntl
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, Self

import numpy as np

from recsys.errors import InputError
from training.tune.space import Overrides, draw

if TYPE_CHECKING:
    from optuna.study import Study as OptunaStudy
    from optuna.trial import FrozenTrial, Trial

__all__ = ["Done", "Given", "Study"]

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_LEAST: Final = 5
"""Fewer trials to compare with give nobody up."""
_GIVEN_UP: Final = (0.25, 0.5)
"""Share of the trials a trial must be above to go on: at its reach, which says only what is possible, and later."""


@dataclass(frozen=True)
class Done:
    """A trial that has ended."""

    number: int
    group: str
    """What it changed; empty for the configuration as given."""
    overrides: Overrides
    value: float | None
    """None: given up or failed."""
    parts: dict[str, float]
    started_at: int
    ended_at: int
    """Both ms since epoch."""

    @property
    def as_given(self) -> bool:
        """Whether it has measured the configuration as given."""
        return self.value is not None and not self.group and not self.overrides

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.ended_at - self.started_at) / 1000


@dataclass(frozen=True)
class Given:
    """A trial to be made; `overrides`: the best known ones with its group's new values, none without a group."""

    trial: "Trial"
    group: str
    overrides: Overrides


class Study:
    """One search by its name."""

    def __init__(self, study: "OptunaStudy", guard: Path) -> None:
        self._study = study
        self._guard = guard
        """Locked by the process that measures the configuration as given."""
        self._held: IO[bytes] | None = None
        """The lock's open file, in that process."""

    @classmethod
    def open(cls, folder: Path, about: dict[str, object], seed: int) -> Self:
        """The study in a folder, made if it is new; InputError when it is about something else than `about`."""
        if not _NAME.fullmatch(folder.name):
            raise InputError(f"study {folder.name!r}: use letters, digits, '_', '.' and '-', at most 64")
        import optuna
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        folder.mkdir(parents=True, exist_ok=True)
        storage = JournalStorage(JournalFileBackend(str(folder / "study.log")))
        study = optuna.create_study(
            storage=storage, study_name=folder.name, direction="maximize", load_if_exists=True
        )
        # Another seed each time: a study that goes on must not draw what it drew before.
        study.sampler = optuna.samplers.TPESampler(seed=seed + len(study.trials), constant_liar=True)
        known = study.user_attrs.get("about")
        if known is None:
            study.set_user_attr("about", about)
        elif known != about:
            raise InputError(
                f"study {folder.name!r} searched other data or another configuration; its figures cannot be compared "
                "with today's. Begin another one: recsys tune --study NAME"
            )
        return cls(study, folder / "as-given.lock")

    def done(self) -> list[Done]:
        """Every trial that has ended, in the order they began."""
        return [_done(trial) for trial in self._study.get_trials(deepcopy=False) if trial.state.is_finished()]

    def best(self) -> Done | None:
        """The trial with the highest value, the earliest of equals."""
        return max((each for each in self.done() if each.value is not None), key=_worth, default=None)

    def given(self) -> Done | None:
        """The trial that has measured the configuration as given."""
        return next((each for each in self.done() if each.as_given), None)

    def ask(self, groups: tuple[str, ...]) -> Given:
        """A new trial: first the configuration as given, then one group after the other."""
        as_given = self._takes_the_given()
        best, trial = self.best(), self._study.ask()
        group, overrides = "", dict[str, float | int]()
        if not as_given:
            group = groups[(trial.number - 1) % len(groups)]
            overrides = {**(best.overrides if best is not None else {}), **draw(trial, group)}
        trial.set_user_attr("group", group)
        trial.set_user_attr("overrides", overrides)
        return Given(trial, group, overrides)

    def run(self, given: Given, judge: Callable[[Callable[[int, float], None]], dict[str, float]]) -> Done:
        """Let `judge` measure a trial and keep what it says; whatever it raises leaves a failed trial behind.

        `judge` gets a function to report (step, value) to, and returns the parts with `value` among them. The
        configuration as given is never given up: without its figure no other says anything.
        """
        from optuna.exceptions import TrialPruned
        from optuna.trial import TrialState

        def report(step: int, value: float) -> None:
            given.trial.report(value, step)
            if given.group and self._hopeless(given.trial.number, step, value):
                raise TrialPruned

        try:
            parts = judge(report)
            given.trial.set_user_attr("parts", parts)
            return _done(self._study.tell(given.trial, parts["value"]))
        except TrialPruned:
            return _done(self._study.tell(given.trial, state=TrialState.PRUNED))
        except BaseException:
            self._study.tell(given.trial, state=TrialState.FAIL)
            raise
        finally:
            if not given.group:
                self._leave_the_given()

    def _takes_the_given(self) -> bool:
        """Whether the configuration as given is this process's to measure; it then holds the lock until `run` ends."""
        guard = self._guard.open("ab")
        try:
            fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if self.given() is None:  # looked at under the lock: nobody can be about to end it
                self._held = guard
        except BlockingIOError:
            return False
        finally:
            if self._held is not guard:
                guard.close()
        return self._held is guard

    def _leave_the_given(self) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None

    def _hopeless(self, number: int, step: int, value: float) -> bool:
        """Whether too many others were better at this very step.

        Optuna's own median rule takes the best value over all steps so far, which a high reach would decide.
        """
        others = [
            trial.intermediate_values[step]
            for trial in self._study.get_trials(deepcopy=False)
            if trial.number != number and trial.state.is_finished() and step in trial.intermediate_values
        ]
        if len(others) < _LEAST:
            return False
        return value < float(np.quantile(others, _GIVEN_UP[min(step, len(_GIVEN_UP) - 1)]))


def _worth(done: Done) -> float:
    return -np.inf if done.value is None else done.value


def _done(trial: "FrozenTrial") -> Done:
    begun, ended = trial.datetime_start, trial.datetime_complete
    complete = trial.state.name == "COMPLETE"
    return Done(
        trial.number,
        trial.user_attrs.get("group", ""),
        trial.user_attrs.get("overrides", {}),
        trial.value if complete else None,
        trial.user_attrs.get("parts", {}),
        0 if begun is None else round(begun.timestamp() * 1000),
        0 if ended is None else round(ended.timestamp() * 1000),
    )
