"""Events, items and users as plain dicts (JSON) and as Arrow tables, both ways and without loss.

A dict leaves out what is empty, so it is also the canonical content of a value. Decoding trusts its input:
what comes from outside goes through the validators first.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any, Final, TypeVar

import orjson
import pyarrow as pa

from feature_store.records.schemas import EVENT_SCHEMA, ITEM_SCHEMA, USER_SCHEMA
from recsys.types import Consent, Event, EventType, Item, Offer, Promo, User

__all__ = [
    "event_from_dict",
    "event_to_dict",
    "events_from_table",
    "events_to_table",
    "item_from_dict",
    "item_to_dict",
    "items_from_table",
    "items_to_table",
    "json_text",
    "user_from_dict",
    "user_to_dict",
    "users_from_table",
    "users_to_table",
]

Json = dict[str, Any]
_T = TypeVar("_T")

_EVENT_NAMES: Final = tuple(field.name for field in fields(Event))
_event_values = attrgetter(*_EVENT_NAMES)
_ITEM_NAMES: Final = tuple(field.name for field in fields(Item))
_OFFER_NAMES: Final = tuple(field.name for field in fields(Offer))
_PURPOSES: Final = ("personalize", "market", "train")
_JSON_EVENT_NAMES: Final = ("source", "context", "detail")
_EVENT_TYPES: Final = {kind.value: kind for kind in EventType}


def json_text(value: object) -> str | None:
    """Canonical JSON (sorted keys), or None for nothing."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode() if value else None


def _filled(value: object, names: Iterable[str]) -> Json:
    pairs = ((name, getattr(value, name)) for name in names)
    return {name: held for name, held in pairs if held is not None and held != () and held != {}}


def event_to_dict(event: Event) -> Json:
    """JSON-ready; `test` and `schema` only when they say something."""
    # One call for all fields: every answer writes an event.
    pairs = zip(_EVENT_NAMES, _event_values(event), strict=True)
    row: Json = {name: held for name, held in pairs if held is not None and held != {}}
    row["type"] = event.type.value
    if not event.test:
        del row["test"]
    if event.schema == 1:
        del row["schema"]
    return row


def event_from_dict(row: Mapping[str, Any]) -> Event:
    """Inverse of `event_to_dict`."""
    return Event(**{**row, "type": _EVENT_TYPES[row["type"]]})


def events_to_table(events: Sequence[Event]) -> pa.Table:
    """One row per event in EVENT_SCHEMA."""
    columns = {name: list(map(attrgetter(name), events)) for name in EVENT_SCHEMA.names}
    columns["type"] = [event.type.value for event in events]
    for name in _JSON_EVENT_NAMES:
        columns[name] = [json_text(value) for value in columns[name]]
    return pa.table(columns, schema=EVENT_SCHEMA)


def events_from_table(table: pa.Table) -> list[Event]:
    """Inverse of `events_to_table`; columns that are missing take their default."""
    return [_event(row) for row in table.to_pylist()]


def _event(row: Json) -> Event:
    filled = {name: value for name, value in row.items() if value is not None}
    for name in _JSON_EVENT_NAMES:
        if name in filled:
            filled[name] = orjson.loads(filled[name])
    return event_from_dict(filled)


def item_to_dict(item: Item) -> Json:
    """JSON-ready, nested: `titles` by locale, `offers` as a list."""
    row = _filled(item, _ITEM_NAMES)
    row |= {name: list(row[name]) for name in ("tags", "restricted") if name in row}
    if item.offers:
        row["offers"] = [_offer_to_dict(offer) for offer in item.offers]
    return row


def _offer_to_dict(offer: Offer) -> Json:
    row = _filled(offer, _OFFER_NAMES)
    if offer.promo:
        row["promo"] = _filled(offer.promo, ("price", "start", "end"))
    return row


def item_from_dict(row: Mapping[str, Any]) -> Item:
    """Inverse of `item_to_dict`."""
    lists = {name: tuple(row[name]) for name in ("tags", "restricted") if name in row}
    offers = tuple(_offer(offer) for offer in row.get("offers", ()))
    return Item(**{**row, **lists, "offers": offers})


def _offer(row: Mapping[str, Any]) -> Offer:
    promo = row.get("promo")
    return Offer(**{**row, "promo": Promo(**promo) if promo else None})


def items_to_table(items: Sequence[Item]) -> pa.Table:
    """One row per item in ITEM_SCHEMA."""
    columns: dict[str, list[Any]] = {name: list(map(attrgetter(name), items)) for name in ITEM_SCHEMA.names}
    columns["titles"] = [list(titles.items()) for titles in columns["titles"]]
    columns["attributes"] = [json_text(dict(attributes)) for attributes in columns["attributes"]]
    columns["offers"] = [[_offer_to_dict(offer) for offer in offers] for offers in columns["offers"]]
    return pa.table(columns, schema=ITEM_SCHEMA)


def items_from_table(table: pa.Table) -> list[Item]:
    """Inverse of `items_to_table`; further columns are ignored."""
    columns = {name: table.column(name).to_pylist() for name in ITEM_SCHEMA.names}
    columns["titles"] = [dict(pairs or ()) for pairs in columns["titles"]]
    columns["attributes"] = [orjson.loads(text) if text else {} for text in columns["attributes"]]
    columns["offers"] = [tuple(map(_offer, offers or ())) for offers in columns["offers"]]
    for name in ("tags", "restricted"):
        columns[name] = [tuple(words or ()) for words in columns[name]]
    return _rows(Item, columns)


def user_to_dict(user: User) -> Json:
    """JSON-ready; `consent` only when something was refused."""
    row = _filled(user, ("user_id", "attributes", "updated_at"))
    if user.consent != Consent():
        row["consent"] = _filled(user.consent, _PURPOSES)
    return row


def user_from_dict(row: Mapping[str, Any]) -> User:
    """Inverse of `user_to_dict`."""
    return User(**{**row, "consent": Consent(**row.get("consent", {}))})


def users_to_table(users: Sequence[User]) -> pa.Table:
    """One row per user in USER_SCHEMA."""
    columns: dict[str, list[Any]] = {name: list(map(attrgetter(name), users)) for name in USER_SCHEMA.names}
    columns["attributes"] = [json_text(dict(attributes)) for attributes in columns["attributes"]]
    columns["consent"] = [_filled(consent, _PURPOSES) for consent in columns["consent"]]
    return pa.table(columns, schema=USER_SCHEMA)


def users_from_table(table: pa.Table) -> list[User]:
    """Inverse of `users_to_table`; further columns are ignored."""
    columns = {name: table.column(name).to_pylist() for name in USER_SCHEMA.names}
    columns["attributes"] = [orjson.loads(text) if text else {} for text in columns["attributes"]]
    columns["consent"] = [Consent(**consent) if consent else Consent() for consent in columns["consent"]]
    return _rows(User, columns)


def _rows(kind: Callable[..., _T], columns: Mapping[str, list[Any]]) -> list[_T]:
    names = tuple(columns)
    return [kind(**dict(zip(names, row, strict=True))) for row in zip(*columns.values(), strict=True)]
