"""From the wire to what the service is asked, with everything checked that only words can tell."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from operator import attrgetter

from feature_store.online.contract import HistoryEntry
from recsys.errors import ExpressionError
from recsys.types import EVENT_CODES, Scalar
from serving.control.principals import Principal
from serving.errors import FieldError, InvalidFilter, InvalidRequest
from serving.lists.item_view import FIELD_NAMES
from serving.lists.listings import Ask, parsed
from serving.schemas.events import SessionEvent
from serving.schemas.recommendations import RecommendationRequest
from serving.schemas.scenarios import HallQuery, ShopperQuery

__all__ = ["ask_for_hall", "ask_for_list", "ask_for_shopper"]

# Read by name below, because their form differs inside.
_CONVERTED = {"events", "boost", "filter", "fields", "return_items", "item_ids", "exclude_ids", "user_id"}
_PLAIN = tuple(name for name in RecommendationRequest.model_fields if name not in _CONVERTED)
_plain = attrgetter(*_PLAIN)


def ask_for_list(body: RecommendationRequest, caller: Principal, now: int) -> Ask:
    """The list a body asks for.

    Raises:
        InvalidRequest: an unknown attribute name, or a filter that does not parse (with its position).
    """
    _check_fields(body.fields)
    _check_filter("filter", body.filter)
    for place, boost in enumerate(body.boost):
        _check_filter(f"boost.{place}.filter", boost.filter)
    return Ask(
        **dict(zip(_PLAIN, _plain(body), strict=True)),
        user_id=_shopper(body.user_id, caller),
        item_ids=tuple(body.item_ids),
        exclude_ids=tuple(body.exclude_ids),
        events=tuple(_entries(body.events, now)),
        filter=body.filter,
        boosts=tuple((boost.filter, boost.factor) for boost in body.boost),
        fields=tuple(body.fields) if body.fields or body.return_items else None,
    )


def ask_for_shopper(query: ShopperQuery, caller: Principal) -> Ask:
    """A question about a shopper alone."""
    return Ask(user_id=_shopper(query.user_id, caller), session_id=query.session_id, language=query.language)


def ask_for_hall(slug: str, query: HallQuery, caller: Principal) -> Ask:
    """What a hall is filled by."""
    context: Mapping[str, Scalar | None] = {"market": query.market, "channel": query.channel}
    return Ask(
        user_id=_shopper(query.user_id, caller),
        session_id=query.session_id,
        slot=f"scenario:{slug}",
        language=query.language,
        context={name: value for name, value in context.items() if value is not None},
        fields=() if query.return_items else None,
        personalization=query.personalization,
        dry_run=query.dry_run,
        seed=query.seed,
    )


def _shopper(named: str | None, caller: Principal) -> str | None:
    """The shopper named, else the one a browser's token stands for."""
    return caller.user_id if named is None and caller.browser else named


def _entries(events: Iterable[SessionEvent], now: int) -> Iterable[HistoryEntry]:
    for event in events:
        if event.item_id is not None:
            moment = now if event.timestamp is None else event.timestamp
            yield event.item_id, EVENT_CODES[event.kind], moment


def _check_filter(field: str, text: str | None) -> None:
    if text is None:
        return
    try:
        parsed(text)
    except ExpressionError as error:
        raise InvalidFilter(field, str(error), error.position) from None


def _check_fields(names: Iterable[str]) -> None:
    for place, name in enumerate(names):
        if name not in FIELD_NAMES and not name.startswith("attributes."):
            close = get_close_matches(name[:64], FIELD_NAMES, n=1)
            message = (
                f"unknown attribute {name[:64]!r}; known are {', '.join(FIELD_NAMES)} and attributes.<name>"
            )
            mistake = FieldError(
                field=f"fields.{place}", message=message, nearest=close[0] if close else None
            )
            raise InvalidRequest(f"fields: unknown attribute {name[:64]!r}", [mistake])
