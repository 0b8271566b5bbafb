"""Small random shops for the tests of views: every kind of event, nulls, ties, merges, returns, late and Chinese."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from feature_store.history import item_history, user_history
from feature_store.identity_edges import IdentityEdge
from feature_store.log import EventLog
from feature_store.log.parts import DAY
from recsys.types import Consent, Event, EventType, Item, Offer, User

__all__ = ["START", "RandomShop", "random_shop"]

START: Final = 19_800 * DAY
_SHOPPERS: Final = ("客户甲", "u2", "u3", "u'4", "wx:5")
_ITEMS: Final = ("茶杯", "i2", "i3", "i 4", "i5")
_CATEGORIES: Final = ("家居 > 厨房 > 马克杯", "Home > Kitchen", None)
_BRANDS: Final = ("国货", "Acme", None)
_KINDS: Final = tuple(kind for kind in EventType)
_CHANNELS: Final = ("app", "小程序", None)


@dataclass(frozen=True)
class RandomShop:
    """A home folder with a log over `days`, its merges, and every event that was written."""

    home: Path
    edges: Sequence[IdentityEdge]
    events: Sequence[Event]
    days: int


def random_shop(home: Path, seed: int, events: int = 200, days: int = 8) -> RandomShop:
    """The same seed gives the same shop. About a tenth of the events arrive up to two days late."""
    draw = random.Random(seed)
    _catalogue(home, draw)
    written = [_event(draw, number, days) for number in range(events)]
    arriving = sorted(written, key=lambda event: (event.received_at or event.timestamp, event.event_id))
    log = EventLog(home / "events")
    log.write_stream_batch([(f"{START + at}-0", event) for at, event in enumerate(arriving)])
    middle = START + days * DAY // 2
    edges = (
        IdentityEdge("s-anon", "u2", START + DAY),
        IdentityEdge("wx:5", "客户甲", middle),
        IdentityEdge("u3", "u2", START + DAY, undone_at=middle),
    )
    return RandomShop(home, edges, written, days)


def _catalogue(home: Path, draw: random.Random) -> None:
    items = [
        Item(
            item_id=name,
            category=draw.choice(_CATEGORIES),
            brand=draw.choice(_BRANDS),
            offers=(Offer(sku=f"sku-{name}", price=draw.choice([None, 9.5, 20.0])),),
        )
        for name in _ITEMS[:-1]
    ]
    item_history(home).import_all([*items, Item(item_id="content", category="家居")], START)
    consent = Consent(personalize=False, market=True, train=False)
    user_history(home).import_all([User(user_id="u'4", consent=consent), User(user_id="u2")], START)


def _event(draw: random.Random, number: int, days: int) -> Event:
    kind = draw.choice(_KINDS)
    # Few distinct minutes make ties; a few land on a day's border.
    minute = draw.choice([0, 1, 7, 600, 1439]) if draw.random() < 0.4 else draw.randrange(1440)
    timestamp = START + draw.randrange(days) * DAY + minute * 60_000
    late = draw.randrange(2 * DAY) if draw.random() < 0.1 else draw.randrange(1000)
    user = draw.choice([*_SHOPPERS, None])
    item = draw.choice([*_ITEMS, None])
    return Event(
        event_id=f"e{number}",
        type=kind,
        timestamp=timestamp,
        received_at=timestamp + late,
        user_id=user,
        session_id=draw.choice(["s-anon", "s-2", "会话"]) if user is None else draw.choice(["s-9", None]),
        item_id=item,
        sku=None if item is not None else draw.choice(["sku-茶杯", "sku-none"]),
        order_id=draw.choice(["o1", "订单二", None]),
        quantity=draw.choice([None, 1.0, 3.0, 0.0]),
        price=draw.choice([None, 0.1, 9.99, 100.0]),
        discount=draw.choice([None, 0.3]),
        coupon_id=draw.choice([None, None, "券"]),
        channel=draw.choice(_CHANNELS),
        recomm_id="r1" if kind is EventType.IMPRESSION else None,
        position=0 if kind is EventType.IMPRESSION else None,
        query="杯子" if kind is EventType.SEARCH else None,
        test=draw.random() < 0.05,
    )
