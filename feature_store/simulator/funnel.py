"""From rows to events: page_view → search → view → click, favorite, cart, uncart → order → purchase → return.

Invariants: a purchase follows an order of the same session and order id; a return cites the order and item of
a purchase; a session ends before midnight UTC; a shopper who orders is known.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from feature_store.simulator.browsing import MAX_ROWS, Rows
from feature_store.simulator.config import DAY_MS
from feature_store.simulator.sessions import Sessions
from feature_store.simulator.shop import Shop
from recsys.types import EventType

__all__ = ["STEPS", "Happenings", "happen"]

Codes = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

STEPS = tuple(
    EventType(name)
    for name in (
        "page_view",
        "search",
        "view",
        "click",
        "favorite",
        "cart",
        "uncart",
        "order",
        "purchase",
        "return",
    )
)
"""Event types in the order in which a session may bring them; `Happenings.step` indexes it."""
_STEP = {kind.value: index for index, kind in enumerate(STEPS)}
_ROW_STEPS = ("view", "click", "favorite", "cart", "uncart")
_LINE_STEPS = ("order", "purchase", "return")
_MAX_EVENTS = 512
_FAKE_HURRY = 0.2


@dataclass(frozen=True, slots=True)
class Happenings:
    """Events of a block in session order; `row` is -1 for page views and searches."""

    session: Codes
    row: Codes
    step: Codes
    place: Codes
    """Place of the event in its session, from 0."""
    timestamp: Codes
    known: Flags
    """Per session: the shopper is named."""


def happen(shop: Shop, sessions: Sessions, rows: Rows) -> Happenings:
    """The events of a block of sessions and their rows; returns after the simulated time are left out."""
    ordered, lines = _line_flags(shop, sessions, rows)
    session, row, step = _collect(
        _opening(shop, sessions), {**_row_flags(shop, sessions, rows), **lines}, rows
    )
    order = np.argsort(_sort_key(session, row, step, rows), kind="stable")
    session, row, step = session[order], row[order], step[order]
    count = np.bincount(session, minlength=len(sessions))
    place = np.arange(len(session)) - (np.cumsum(count) - count)[session]
    timestamp = _times(shop, sessions, session, place, step)
    timestamp = _return_times(shop, sessions, rows, row, step, timestamp)
    inside = timestamp < shop.config.end_ms
    return Happenings(
        session=session[inside],
        row=row[inside],
        step=step[inside],
        place=place[inside],
        timestamp=timestamp[inside],
        known=~sessions.anonymous | ordered,
    )


def _opening(shop: Shop, sessions: Sessions) -> dict[str, Flags]:
    """Which sessions open with a page view and a search."""
    searched = ~sessions.fake & (sessions.theme < 0)
    searched &= shop.draws.chance("session.search", 0.3, sessions.number)
    return {"page_view": ~sessions.fake, "search": searched}


def _row_flags(shop: Shop, sessions: Sessions, rows: Rows) -> dict[str, Flags]:
    """Which rows bring which events while browsing."""
    key, honest = rows.keys(sessions), ~sessions.fake[rows.session]
    return {
        "view": np.ones(len(rows.item), dtype=np.bool_),
        "click": honest & shop.draws.chance("row.click", shop.config.view_to_click, key),
        "favorite": honest & shop.draws.chance("row.favorite", 0.04, key),
        "cart": rows.carted,
        "uncart": rows.carted & ~rows.kept,
    }


def _line_flags(shop: Shop, sessions: Sessions, rows: Rows) -> tuple[Flags, dict[str, Flags]]:
    """Which sessions order, and which rows become lines of an order, a purchase, a return."""
    draws, config = shop.draws, shop.config
    filled = np.bincount(rows.session[rows.kept], minlength=len(sessions)) > 0
    ordered = filled & (sessions.fake | draws.chance("session.order", config.cart_to_order, sessions.number))
    paid = ordered & (sessions.fake | draws.chance("session.pay", config.order_to_purchase, sessions.number))
    bought = rows.kept & paid[rows.session]
    back = draws.chance("row.return", config.purchase_to_return, rows.keys(sessions))
    return ordered, {
        "order": rows.kept & ordered[rows.session],
        "purchase": bought,
        "return": bought & back & ~sessions.fake[rows.session],
    }


def _collect(opening: dict[str, Flags], flags: dict[str, Flags], rows: Rows) -> tuple[Codes, Codes, Codes]:
    """(session, row, step) of every event, unordered."""
    sessions = [np.flatnonzero(flag) for flag in opening.values()]
    found = [np.flatnonzero(flag) for flag in flags.values()]
    steps = [_STEP[name] for name in (*opening, *flags)]
    sizes = [len(part) for part in (*sessions, *found)]
    none = [np.full(len(part), -1, dtype=np.int64) for part in sessions]
    return (
        np.concatenate([*sessions, *(rows.session[part] for part in found)]),
        np.concatenate([*none, *found]),
        np.repeat(np.array(steps, dtype=np.int64), sizes),
    )


def _sort_key(session: Codes, row: Codes, step: Codes, rows: Rows) -> Codes:
    """Session first; in it the opening, then row by row, then the lines of order, purchase and return."""
    place = np.where(row >= 0, rows.place[row] + 1, 0)
    line = step >= _STEP["order"]
    stage = np.where(line, step, 0)
    return ((session * len(STEPS) + stage) * (MAX_ROWS + 1) + place) * len(STEPS) + step


def _times(shop: Shop, sessions: Sessions, session: Codes, place: Codes, step: Codes) -> Codes:
    """Start of the session plus the time between events; lines of one order share an instant."""
    u = shop.draws.uniform("event.gap", sessions.number[session] * _MAX_EVENTS + place)
    gap = 1_000 + np.floor(u * u * 40_000).astype(np.int64)
    gap = np.where(sessions.fake[session], (gap * _FAKE_HURRY).astype(np.int64), gap)
    previous = np.concatenate([[-1], step[:-1]])
    gap[(place == 0) | ((step >= _STEP["order"]) & (step == previous))] = 0
    elapsed = np.cumsum(gap)
    since = elapsed - elapsed[np.flatnonzero(place == 0)][session] if len(session) else elapsed
    midnight = shop.config.start_ms + (sessions.day + 1) * DAY_MS
    return np.asarray(np.minimum(sessions.start[session] + since, midnight - 1), dtype=np.int64)


def _return_times(
    shop: Shop, sessions: Sessions, rows: Rows, row: Codes, step: Codes, timestamp: Codes
) -> Codes:
    """A return comes 2 to 14 days after its purchase."""
    back = step == _STEP["return"]
    days = 2.0 + 12.0 * shop.draws.uniform("row.return_after", rows.keys(sessions)[row[back]])
    moved = timestamp.copy()
    moved[back] += (days * DAY_MS).astype(np.int64)
    return moved
