"""Which release is live: the gate, the move of the pointer, and the MLflow aliases that mirror it.

Invariants: the online store's pointer is the truth; MLflow being away is told and changes nothing; a release
that the gate refuses goes live only by `force`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from feature_store.errors import StoreError
from feature_store.online.contract import Pointer
from recsys.errors import UnavailableError
from training.compare import compare
from training.errors import TrackingAwayError
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


def promote(shop: Shop, release_id: str, progress: Progress, *, force: bool = False) -> Promotion:
    """Make a release live if the gate lets it pass, or in any case with `force`.

    Raises GateRefusedError with the reasons, UnknownReleaseError, UnavailableError without the online store.
    """
    verdict = None if force else weigh(shop, release_id, progress)
    if verdict is not None:
        verdict.require(release_id)
    pointer = shop.publisher.go_live(release_id)
    return Promotion(pointer, verdict, _mirror(shop, pointer))


def rollback(shop: Shop) -> Promotion:
    """Make the release that was live before live again; no gate, it was live already."""
    pointer = shop.publisher.go_back()
    return Promotion(pointer, None, _mirror(shop, pointer))


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
        shop.releases.point(Pointer(release_id, None, now_ms()))
    else:
        shop.publisher.go_live(release_id)
    return True, away


def _mirror(shop: Shop, pointer: Pointer) -> tuple[str, ...]:
    try:
        known = shop.registry().crown(pointer.release_id)
    except TrackingAwayError as error:
        return (f"live, but its MLflow alias could not be moved: {error}",)
    return () if known else (f"MLflow has no version for release {pointer.release_id!r}; its alias stays",)
