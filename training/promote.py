"""Which release is live: the gate, the move of the pointer, and the records of it in the audit file and in MLflow.

Invariants: the online store's pointer is the truth; MLflow being away is told and changes nothing; a release
that the gate refuses goes live only by `force`, which asks the gate all the same and records what it said.
A release moves whole, models and indexes together; rules are no part of it and are never touched.
"""

import getpass
from collections.abc import Sequence
from dataclasses import dataclass

from feature_store.errors import StoreError
from feature_store.online.contract import Pointer
from recsys.errors import RecsysError, UnavailableError
from training.audit import AuditLine, Move, append
from training.compare import compare
from training.errors import TrackingAwayError, UnknownReleaseError
from training.gate import Verdict, judge, judge_first
from training.lists import Progress
from training.publish import now_ms
from training.resources import Shop

__all__ = ["Promotion", "crown_first", "promote", "rollback", "weigh"]


@dataclass(frozen=True)
class Promotion:
    """What is live now, what the gate said if it was asked, and what a person should know."""

    pointer: Pointer
    verdict: Verdict | None = None
    notices: tuple[str, ...] = ()

    def overruled(self) -> tuple[str, ...]:
        """What the gate had against the release that is live all the same."""
        return () if self.verdict is None else tuple(f"forced over: {text}" for text in self.verdict.reasons)


def weigh(shop: Shop, release_id: str, progress: Progress) -> Verdict:
    """Ask the gate about a release of this machine."""
    shop.releases.find(release_id)
    failed, live = shop.failed_checks(), shop.publisher.live()
    if live is None or live.release_id == release_id:
        return judge_first(failed, shop.config.gate)
    return judge(
        failed,
        lambda: compare(release_id, live.release_id, shop.releases, shop.exam, progress),
        shop.config.gate,
    )


def promote(
    shop: Shop, release_id: str, progress: Progress, *, force: bool = False, by: str | None = None
) -> Promotion:
    """Make a release live if the gate lets it pass, or in any case with `force`; `by`: who, for the records.

    Raises GateRefusedError with the reasons, UnknownReleaseError, UnavailableError without the online store.
    """
    verdict = _weigh_anyhow(shop, release_id, progress) if force else weigh(shop, release_id, progress)
    if not force:
        verdict.require(release_id)
    pointer = shop.publisher.go_live(release_id)
    line = _audit(shop, "promote", pointer, by, verdict.reasons if force else None)
    return Promotion(pointer, verdict, (*verdict.notes, *_mirror(shop, line)))


def rollback(shop: Shop, *, by: str | None = None) -> Promotion:
    """Make the release that was live before live again; no gate, it was live already."""
    pointer = shop.publisher.go_back()
    return Promotion(pointer, None, _mirror(shop, _audit(shop, "rollback", pointer, by)))


def crown_first(shop: Shop, release_id: str, failed_checks: Sequence[str]) -> tuple[bool, tuple[str, ...]]:
    """Make the very first release live unless a data check FAILs; any later one waits for `promote`.

    Returns whether the release is live, and notices. Without an online store this machine's note decides:
    serving on it boots from there.
    """
    away: tuple[str, ...] = ()
    try:
        live = shop.publisher.live()
    except (UnavailableError, StoreError) as error:
        live = shop.releases.pointer()
        away = (f"the online store is away ({error}); when it is back: recsys publish",)
    if live is not None:
        return live.release_id == release_id, away
    if not judge_first(failed_checks, shop.config.gate).passed:
        return False, away
    if away:
        pointer = Pointer(release_id, None, now_ms())
        shop.releases.point(pointer)
    else:
        pointer = shop.publisher.go_live(release_id)
    _audit(shop, "first", pointer, None)
    return True, away


def _weigh_anyhow(shop: Shop, release_id: str, progress: Progress) -> Verdict:
    """What the gate says; one that cannot answer at all is a reason of its own, not in the way of `force`."""
    try:
        return weigh(shop, release_id, progress)
    except (UnknownReleaseError, UnavailableError):
        raise
    except RecsysError as error:
        return Verdict((f"the gate could not be asked: {error}",))


def _audit(
    shop: Shop, verb: Move, pointer: Pointer, by: str | None, overruled: tuple[str, ...] | None = None
) -> AuditLine:
    line = AuditLine(
        at=pointer.at,
        verb=verb,
        release=pointer.release_id,
        previous=pointer.previous,
        by=by or _account(),
        forced=overruled is not None,
        reasons=overruled or (),
    )
    append(shop.releases.folder, line)
    return line


def _mirror(shop: Shop, line: AuditLine) -> tuple[str, ...]:
    """Alias and tags in MLflow; what could not be written there is a notice."""
    try:
        known = shop.registry().crown(line.release, line.tags())
    except TrackingAwayError as error:
        return (f"live, but its MLflow alias could not be moved: {error}",)
    return () if known else (f"MLflow has no version for release {line.release!r}; its alias stays",)


def _account() -> str:
    """The name of the account that runs this; a container's user may have none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
