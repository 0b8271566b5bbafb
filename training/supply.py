"""`recsys publish`: everything serving needs from this machine, put into the online store at once.

Invariants: what is live changes only where nothing was live before; running it again changes nothing.
"""

from dataclasses import dataclass

from feature_store.identity import Identities
from feature_store.materialize import Materialized, materialize
from training.errors import UnknownReleaseError
from training.report import Steps
from training.resources import Shop

__all__ = ["Supplied", "publish"]


@dataclass(frozen=True)
class Supplied:
    """What was put online."""

    release_id: str
    live: str
    shoppers: Materialized

    def sentence(self) -> str:
        """One line for people."""
        what = f"release {self.release_id} is in the online store"
        state = (
            "and live"
            if self.live == self.release_id
            else f"but {self.live} is live: recsys promote {self.release_id}"
        )
        held = self.shoppers
        return (
            f"{what}, {state}; {held.events:,} events, {held.users:,} users and {held.items:,} items with it"
        )


def publish(shop: Shop, release_id: str | None, steps: Steps) -> Supplied:
    """Store a release (None: the live one), identities, histories, users and items.

    Raises UnknownReleaseError when there is nothing to publish, UnavailableError without the online store.
    """
    live = shop.publisher.live()
    target = release_id or (None if live is None else live.release_id)
    if target is None:
        raise UnknownReleaseError("there is no release to publish yet; run: recsys train")
    with steps.step(f"send release {target}"):
        shop.publisher.push(target)
        if live is None or live.release_id == target:
            live = shop.publisher.go_live(target)
    with steps.step("send shoppers, users and items"):
        Identities(shop.database).mirror_all(shop.online)
        held = materialize(shop.settings.home, shop.online, shop.settings.history_length)
    return Supplied(target, live.release_id, held)
