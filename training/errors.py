"""Errors of `training`.

TrainingError               base of what the offline jobs refuse
├── TooLittleDataError      the log cannot carry what was asked; the message names what is missing
├── UnknownReleaseError     no such release in the home folder or the online store
├── CannotCompareError      two releases share no time at which both may be asked
├── GateRefusedError        a promotion the gate refused, with its reasons
└── TrackingAwayError       the MLflow server cannot be reached; the release itself is safe
"""

from recsys.errors import RecsysError

__all__ = [
    "CannotCompareError",
    "GateRefusedError",
    "TooLittleDataError",
    "TrackingAwayError",
    "TrainingError",
    "UnknownReleaseError",
]


class TrainingError(RecsysError):
    """Base of what the offline jobs refuse."""

    code = "training_refused"


class TooLittleDataError(TrainingError):
    """The log cannot carry what was asked."""

    code = "too_little_data"


class UnknownReleaseError(TrainingError):
    """No release of that id can be found."""

    code = "unknown_release"


class CannotCompareError(TrainingError):
    """Two releases share no time at which both may be asked."""

    code = "cannot_compare"


class GateRefusedError(TrainingError):
    """The gate refused a promotion."""

    code = "gate_refused"


class TrackingAwayError(TrainingError):
    """The MLflow server cannot be reached."""

    code = "tracking_away"
