"""Impression labels: what shoppers saw of the lists they were served, and what they did with it afterwards.

Rows are seen items with the features that were logged when the list was served, so no replay can differ from what
happened. Invariants: a list counts only if the server says so (`served`) and only for the shopper it was made for;
whoever refused training and every test event is left out; nothing at or after `until` is read.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from feature_store.offline import OfflineStore
from recsys.labels import NEXT
from recsys.metrics import discounts
from recsys.ranking.feature_log import FEATURES_DIGEST, unpack
from recsys.ranking.features import FEATURES, Matrix
from recsys.ranking.learning import Example
from recsys.ranking.ranker import RankerConfig
from recsys.train import Fitted
from recsys.types import EVENT_CODES, EventType
from recsys.vocabulary import Vocabulary
from recsys.weights import DAY_MS, HOUR_MS
from training.attribution import Codes, Happened, owed, standing
from training.config import ImpressionsConfig

__all__ = ["Impressions", "Stage", "read_impressions", "stage"]

Stage = Literal["rule", "next-event", "impression"]

_COLUMNS: Final = ("user_id", "session_id", "item_id", "recomm_id", "type", "timestamp")
_SERVED: Final = EVENT_CODES[EventType.SERVED]
_IMPRESSION: Final = EVENT_CODES[EventType.IMPRESSION]
_CUT: Final = 20
_RULE: Final = FEATURES.index("rule")
_STRENGTH: Final = np.zeros(len(EVENT_CODES), np.int64)
_STRENGTH[[EVENT_CODES[EventType.CART], EVENT_CODES[EventType.PURCHASE]]] = 1, 2


@dataclass(frozen=True)
class Impressions:
    """Labelled lists and what was found on the way to them."""

    examples: tuple[Example, ...] = ()
    lists: int = 0
    """Lists of which something was seen."""
    seen: int = 0
    """Items seen in them, each once a list."""
    followed: Mapping[str, int] | None = None
    """Events that are owed to a seen item, by type."""
    refused: Mapping[str, int] | None = None
    """Rows that were left out, by reason."""

    def sentence(self, config: ImpressionsConfig) -> str:
        """What there is to learn from lists that were seen, and whether it is enough."""
        if not config.enabled:
            return "impression labels: not asked for, as configured"
        if not self.lists:
            return "impression labels: none; no list of this shop was seen yet" + self._refusals()
        followed = ", ".join(f"{count:,} {name}s" for name, count in sorted((self.followed or {}).items()))
        found = f"impression labels: {self.seen:,} seen items in {self.lists:,} lists with {followed or 'no event'}"
        teach = f"{len(self.examples):,} lists teach" + (
            "" if self.enough(config) else f", too few: {config.least_lists:,} would do"
        )
        return f"{found}; {teach}{self._refusals()}"

    def enough(self, config: ImpressionsConfig) -> bool:
        """Whether they teach."""
        return config.enabled and len(self.examples) >= config.least_lists

    def _refusals(self) -> str:
        told = ", ".join(
            f"{count:,} {reason}" for reason, count in sorted((self.refused or {}).items()) if count
        )
        return f" (left out: {told})" if told else ""


def stage(fitted: Fitted, impressions: Impressions, config: ImpressionsConfig) -> Stage:
    """Which of the three stages of a shop's life a release was made in; its sentences are in `Fitted.choices`."""
    if fitted.lesson is None:
        return "rule"
    return "impression" if impressions.enough(config) else "next-event"


def read_impressions(
    store: OfflineStore, until: int, users: Vocabulary, config: ImpressionsConfig, ranker: RankerConfig
) -> Impressions:
    """Labelled lists of the last `config.days` before `until` (ms); `users` gives examples their shopper codes."""
    if not config.enabled:
        return Impressions()
    since = until - round(config.days * DAY_MS)
    # A shop that does not log them need not read its log again.
    if not store.events(since, until, ("recomm_id",), {EventType.IMPRESSION}).num_rows:
        return Impressions()
    log = _Log.read(store, since, until, config)
    if not len(log.seen):
        return Impressions(refused=log.refused)
    newest = _newest(log, config.most_lists)
    served = _Served.read(store, since, until, log, newest)
    seen = log.seen.where(np.isin(log.seen.listing, newest))
    place = served.rows_of(seen)
    log.refused["items seen in a list that did not hold them"] += int((place < 0).sum())
    seen, place = seen.where(place >= 0), place[place >= 0]
    events = log.events.where(standing(log.events))
    windows = {EVENT_CODES[EventType(name)]: round(h * HOUR_MS) for name, h in config.hours.items()}
    rows = owed(seen, events, windows)
    hits, kinds = rows[rows >= 0], events.kind[rows >= 0]
    graded = _grades(len(seen), hits, kinds, ranker)
    log.refused["lists without features to learn from"] += served.without_features(np.unique(seen.listing))
    return Impressions(
        tuple(served.examples(seen.listing, place, graded, log.coding(users), config.weight)),
        len(np.unique(seen.listing)),
        len(seen),
        Counter(list(EventType)[kind].value for kind in kinds.tolist()),
        log.refused,
    )


def _grades(count: int, hits: Codes, kinds: Codes, ranker: RankerConfig) -> np.typing.NDArray[np.int8]:
    """Grade of each seen row by the strongest event owed to it: that of an item wanted next, 0 without an event."""
    strongest = np.full(count, -1, np.int64)
    np.maximum.at(strongest, hits, _STRENGTH[kinds])
    wanted = np.flatnonzero(strongest >= 0)
    codes = np.array(
        [EVENT_CODES[kind] for kind in (EventType.CLICK, EventType.CART, EventType.PURCHASE)], np.int8
    )
    places = np.full(count, -1, np.int64)
    places[wanted] = np.arange(len(wanted))
    return ranker.graded(places, np.full(len(wanted), NEXT, np.int8), codes[strongest[wanted]])


def _newest(log: "_Log", most: int) -> Codes:
    """The lists that something was seen of, the latest served ones where there are too many."""
    listings = np.unique(log.seen.listing)
    return np.sort(listings[np.argsort(-log.served_at[listings], kind="stable")[:most]])


@dataclass(frozen=True)
class _Log:
    """The events in codes, without what was served."""

    seen: Happened
    """First time that each item of a list was seen by the list's own shopper."""
    events: Happened
    """What may be owed to them, and what takes purchases back."""
    users: pa.Array
    sessions: pa.Array
    items: pa.Array
    listings: pa.Array
    owner: tuple[Codes, Codes]
    """User and session of each list."""
    served_at: Codes
    """Time of each list; -1 for ids that nobody served."""
    refused: Counter[str]

    @classmethod
    def read(cls, store: OfflineStore, since: int, until: int, config: ImpressionsConfig) -> "_Log":
        types = {EventType(name) for name in config.hours} | {
            EventType.SERVED,
            EventType.IMPRESSION,
            EventType.CANCEL,
            EventType.RETURN,
        }
        table = store.events(since, until, _COLUMNS, types)
        refusers = pa.array(sorted(store.refusals("train")), pa.string())
        table = table.filter(pc.invert(pc.is_in(table["user_id"], value_set=refusers)))
        coded = [_encode(table[name]) for name in _COLUMNS[:4]]
        (user, users), (session, sessions), (item, items), (listing, listings) = coded
        kinds, words = _encode(table["type"])
        kind = np.array([EVENT_CODES[EventType(name)] for name in words.to_pylist()], np.int64)[kinds]
        rows = Happened(user, session, item, listing, kind, table["timestamp"].to_numpy())
        is_served = rows.where(kind == _SERVED)
        # One more than there are, so that code -1 reads an unknown list.
        served_at, by_user, by_session = (np.full(len(listings) + 1, -1, np.int64) for _ in range(3))
        served_at[is_served.listing] = is_served.time
        by_user[is_served.listing], by_session[is_served.listing] = is_served.user, is_served.session
        owner = by_user, by_session
        refused: Counter[str] = Counter()
        seen = _seen(rows.where((kind == _IMPRESSION) & (item >= 0)), owner, served_at, refused)
        events = rows.where((kind != _SERVED) & (kind != _IMPRESSION) & (item >= 0))
        strange = (events.listing >= 0) & (served_at[events.listing] < 0)
        refused["events that cite a list nobody served"] += int(strange.sum())
        return cls(seen, events.where(~strange), users, sessions, items, listings, owner, served_at, refused)

    def coding(self, users: Vocabulary) -> Codes:
        """Code of each list's shopper in `users`; strangers get codes of their own behind them."""
        by_user, by_session = self.owner
        named = users.encode(self.users.to_pylist()).astype(np.int64)
        # The name that a session without a shopper goes by in a dataset.
        nameless = users.encode("\x00" + session for session in self.sessions.to_pylist()).astype(np.int64)
        found = np.where(by_user >= 0, np.append(named, -1)[by_user], np.append(nameless, -1)[by_session])
        return np.where(found >= 0, found, len(users) + np.arange(len(found)))


def _seen(rows: Happened, owner: tuple[Codes, Codes], served_at: Codes, refused: Counter[str]) -> Happened:
    """Impressions of lists that were served to their shopper, the first of each item."""
    was_served = served_at[rows.listing] >= 0
    refused["impressions of a list nobody served"] += int((~was_served).sum())
    rows = rows.where(was_served)
    by_user, by_session = (column[rows.listing] for column in owner)
    own = ((by_user >= 0) & (by_user == rows.user)) | ((by_session >= 0) & (by_session == rows.session))
    refused["impressions of another shopper's list"] += int((~own).sum())
    rows = rows.where(own)
    order = np.lexsort((rows.time, rows.item, rows.listing))
    rows = rows.where(order)
    first = np.ones(len(rows), np.bool_)
    first[1:] = (np.diff(rows.listing) != 0) | (np.diff(rows.item) != 0)
    return rows.where(first)


@dataclass(frozen=True)
class _Served:
    """What some lists held, one row an item, sorted by (list, item)."""

    keys: Codes
    items: int
    position: Codes
    row: Codes
    """Column of the list's logged matrix, -1 for none."""
    packed: Mapping[int, tuple[str, int]]
    """By list: the logged matrix as text and its number of columns."""

    @classmethod
    def read(cls, store: OfflineStore, since: int, until: int, log: _Log, wanted: Codes) -> "_Served":
        names = {log.listings[int(code)].as_py(): int(code) for code in wanted}
        item_codes = {name: code for code, name in enumerate(log.items.to_pylist())}
        held: list[tuple[int, int, int]] = []
        packed: dict[int, tuple[str, int]] = {}
        for recomm_id, detail in _details(store, since, until, names):
            code = names[recomm_id]
            features = detail.get("features") or {}
            usable = features.get("digest") == FEATURES_DIGEST
            rows = {place: row for row, place in enumerate(features["places"])} if usable else {}
            if usable:
                packed[code] = features["rows"], len(rows)
            for place, shown in enumerate(detail["items"]):
                item = item_codes.get(shown["item_id"], -1)
                if item >= 0:
                    held.append((code * len(item_codes) + item, shown["position"], rows.get(place, -1)))
        columns = np.array(sorted(held), np.int64).reshape(-1, 3).T
        return cls(columns[0], max(len(item_codes), 1), columns[1], columns[2], packed)

    def rows_of(self, seen: Happened) -> Codes:
        """Row of each seen item; -1 where its list did not hold it or is not among these."""
        keys = seen.listing * self.items + seen.item
        if not len(self.keys):
            return np.full(len(keys), -1, np.int64)
        places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[places] == keys, places, -1)

    def without_features(self, listings: Codes) -> int:
        """How many of some lists carry no features that this code understands."""
        return sum(code not in self.packed for code in listings.tolist())

    def examples(
        self,
        listing: Codes,
        place: Codes,
        grades: np.typing.NDArray[np.int8],
        shopper: Codes,
        weight: float,
    ) -> Iterator[Example]:
        """A question of each list whose seen items have features and differ in what became of them."""
        kept = self.row[place] >= 0
        listing, place, grades = listing[kept], place[kept], grades[kept]
        bounds = np.flatnonzero(np.diff(listing, prepend=-1, append=-1))
        for start, stop in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
            found = grades[start:stop]
            if found.any() and found.min() < found.max():
                code, rows = int(listing[start]), place[start:stop]
                matrix = self._matrix(code)[:, self.row[rows]]
                yield Example(
                    user=int(shopper[code]),
                    matrix=np.ascontiguousarray(matrix),
                    grades=found,
                    rule=matrix[_RULE],
                    wanted=float(discounts(min((found > 0).sum(), _CUT)).sum()),
                    positions=self.position[rows].astype(np.float32),
                    weight=weight,
                )

    def _matrix(self, code: int) -> Matrix:
        text, count = self.packed[code]
        return unpack(text, count)


def _details(
    store: OfflineStore, since: int, until: int, wanted: Mapping[str, int]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """`detail` of the wanted lists, day by day: all of it at once would be what the memory of a run is."""
    ids = pa.array(sorted(wanted), pa.string())
    for day in range(since // DAY_MS, (until - 1) // DAY_MS + 1):
        span = max(since, day * DAY_MS), min(until, (day + 1) * DAY_MS)
        table = store.events(*span, ("recomm_id", "detail"), {EventType.SERVED})
        table = table.filter(pc.is_in(table["recomm_id"], value_set=ids))
        for recomm_id, detail in zip(*(column.to_pylist() for column in table.columns), strict=True):
            yield recomm_id, orjson.loads(detail)


def _encode(column: pa.ChunkedArray) -> tuple[Codes, pa.Array]:
    """Codes of a text column, -1 for null, and their words."""
    encoded = column.combine_chunks().dictionary_encode()
    codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    return codes, encoded.dictionary
