"""The shape of item rows, nested (API, JSON lines, Parquet) or flat (CSV): one table, one validator.

Flat rows may carry `title`, `title_<locale>` and the columns of the default offer directly. An item without
any offer gets one whose sku is the item's id; an explicit empty list means that it cannot be bought.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

from feature_store.records.codec import item_from_dict
from feature_store.records.column_map import folded
from feature_store.records.fields import Field, Kind, Policy, Rejection, RowError, table_of
from feature_store.records.rows import clean_row, refuse
from recsys.types import ITEM_KINDS, Item

__all__ = ["FLAT_ITEM_NAMES", "ITEM_FIELDS", "OFFER_FIELDS", "OPEN_ITEM_NAMES", "validate_item"]

_MONEY: Final = 1e12
_LOCALE: Final = "[a-z]{2,3}([-_][A-Za-z]{2,4})?"
_TITLE: Final = re.compile(f"title_({_LOCALE})")
_HAN: Final = re.compile("[\u4e00-\u9fff]")
_KANA: Final = re.compile("[\u3040-\u30ff]")
OPEN_ITEM_NAMES: Final = rf"title_{_LOCALE}|attributes\..+"

ITEM_FIELDS: Final[Mapping[str, Field]] = table_of(
    (
        Field(name="item_id", kind=Kind.ID),
        Field(name="kind", kind=Kind.CHOICE, choices=ITEM_KINDS),
        Field(name="titles", kind=Kind.MAP, length=32, pattern=_LOCALE),
        Field(name="category", kind=Kind.TEXT, length=512),
        Field(name="brand", kind=Kind.TEXT),
        Field(name="seller_id", kind=Kind.ID),
        Field(name="tags", kind=Kind.LIST),
        Field(name="attributes", kind=Kind.MAP, length=128),
        Field(name="image_url", kind=Kind.TEXT, length=2048),
        Field(name="url", kind=Kind.TEXT, length=2048),
        Field(name="restricted", kind=Kind.LIST),
        Field(name="created_at", kind=Kind.TIME, past=True),
        Field(name="updated_at", kind=Kind.TIME, past=True),
        Field(name="offers", kind=Kind.NESTED),
    )
)
OFFER_FIELDS: Final[Mapping[str, Field]] = table_of(
    (
        Field(name="sku", kind=Kind.ID),
        Field(name="market", kind=Kind.ID, length=64),
        Field(name="channel", kind=Kind.ID, length=64),
        Field(name="currency", kind=Kind.CODE, pattern="[A-Z]{3}"),
        Field(name="list_price", kind=Kind.NUMBER, low=0, high=_MONEY),
        Field(name="price", kind=Kind.NUMBER, low=0, high=_MONEY),
        Field(name="promo", kind=Kind.NESTED),
        Field(name="cost", kind=Kind.NUMBER, low=0, high=_MONEY),
        # Oversold goods are below zero in many stock systems.
        Field(name="stock", kind=Kind.NUMBER, low=-1e9, high=1e9),
        Field(name="available", kind=Kind.FLAG),
    )
)
_PROMO_FIELDS: Final = table_of(
    (
        Field(name="price", kind=Kind.NUMBER, low=0, high=_MONEY),
        Field(name="start", kind=Kind.TIME),
        Field(name="end", kind=Kind.TIME),
    )
)
_FLAT_PROMO: Final = {"promo_price": "price", "promo_start": "start", "promo_end": "end"}
FLAT_ITEM_NAMES: Final = frozenset({"title", *OFFER_FIELDS, *_FLAT_PROMO})


def validate_item(
    row: Mapping[str, object],
    now: int,
    *,
    timezone: ZoneInfo | None = None,
    from_file: bool = False,
    language: str | None = None,
) -> Item | Rejection:
    """The item in `row`, or why it is refused. `language` is what a plain `title` is in (None: zh or en by script)."""
    try:
        return _item(row, Policy(now, timezone, from_file), language)
    except RowError as error:
        return error.rejection


def _item(row: Mapping[str, object], policy: Policy, language: str | None) -> Item:
    known = folded(row, ("attributes",))
    titles = _flat_titles(known, language)
    flat = {name: known.pop(name) for name in [*OFFER_FIELDS, *_FLAT_PROMO] if name in known}
    clean = clean_row(ITEM_FIELDS, _with_titles(known, titles, policy), policy)
    if "item_id" not in clean:
        raise refuse("missing_field", "item_id is required", "item_id")
    if "category" in clean:
        clean["category"] = _path(str(clean["category"]))
    flat = _given(flat, policy)
    clean["offers"] = _offers(clean, flat, policy)
    return item_from_dict(clean)


def _flat_titles(row: dict[str, object], language: str | None) -> dict[str, object]:
    """Takes `title` and `title_<locale>` out of `row`."""
    names = {name: match[1] for name in row if (match := _TITLE.fullmatch(name))}
    titles = {locale: row.pop(name) for name, locale in names.items()}
    plain = row.pop("title", None)
    if plain not in (None, ""):
        titles.setdefault(language or _script(str(plain)), plain)
    return titles


def _script(title: str) -> str:
    return "zh" if _HAN.search(title) and not _KANA.search(title) else "en"


def _with_titles(row: dict[str, object], titles: dict[str, object], policy: Policy) -> dict[str, object]:
    titles = _given(titles, policy)
    for locale, title in titles.items():
        if not isinstance(title, str):
            raise refuse("wrong_type", f"title: {title!r} is not text", f"title_{locale}")
    if not titles:
        return row
    if row.get("titles"):
        raise refuse("double_field", "title: give either titles or title and title_<locale>", "titles")
    return {**row, "titles": titles}


def _given(cells: Mapping[str, object], policy: Policy) -> dict[str, object]:
    empty: tuple[object, ...] = (None, "") if policy.from_file else (None,)
    return {name: value for name, value in cells.items() if value not in empty}


def _path(category: str) -> str:
    segments = [segment.strip() for segment in category.split(">")]
    if not all(segments):
        raise refuse(
            "bad_category", f"category: {category[:80]!r} has an empty step; write a > b > c", "category"
        )
    return " > ".join(segments)


def _offers(clean: Mapping[str, object], flat: dict[str, object], policy: Policy) -> list[dict[str, Any]]:
    nested = clean.get("offers")
    if nested is None:
        promo = {_FLAT_PROMO[name]: flat.pop(name) for name in list(flat) if name in _FLAT_PROMO}
        return [_offer({**flat, "promo": promo} if promo else flat, str(clean["item_id"]), policy)]
    if flat:
        first = next(iter(flat))
        raise refuse("double_field", f"{first}: give either offers or the columns of one offer", first)
    if not isinstance(nested, list) or not all(isinstance(offer, Mapping) for offer in nested):
        raise refuse("wrong_type", "offers: is not a list of objects", "offers")
    offers = [_offer(offer, str(clean["item_id"]), policy) for offer in nested]
    places = [(offer["sku"], offer.get("market"), offer.get("channel")) for offer in offers]
    if len(set(places)) < len(places):
        raise refuse("double_field", "offers: two offers have the same sku, market and channel", "offers")
    return offers


def _offer(row: Mapping[str, object], item_id: str, policy: Policy) -> dict[str, Any]:
    clean = {"sku": item_id, **clean_row(OFFER_FIELDS, row, policy)}
    promo = clean.pop("promo", None)
    if promo is None:
        return clean
    if not isinstance(promo, Mapping):
        raise refuse("wrong_type", "promo: is not an object of price, start and end", "promo")
    fields = clean_row(_PROMO_FIELDS, promo, policy)
    if not fields:
        return clean
    if "price" not in fields:
        raise refuse("missing_field", "promo: price is required", "promo")
    if cast(int, fields.get("start", 0)) >= cast(int, fields.get("end", 2**53)):
        raise refuse("out_of_range", "promo: start must lie before end", "promo")
    return {**clean, "promo": fields}
