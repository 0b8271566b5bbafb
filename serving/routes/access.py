"""Who may do what on the way in: the caller of a request, role by role, and what a browser may never see.

A browser key is readable by every visitor: it names a shopper only with a signed token, and neither explains lists,
nor filters by private fields, nor reads costs, nor reports money. Its calls are limited per key and address.
"""

from collections.abc import Callable, Mapping
from math import ceil
from typing import Annotated, Any, Final

from fastapi import Depends, Header, Request
from starlette.types import Scope

from recsys.expressions import fields
from recsys.types import Event, EventType
from serving.control.principals import Principal, Role
from serving.errors import Forbidden, RateLimited
from serving.lists.item_view import PRIVATE_FIELDS
from serving.lists.listings import Ask, parsed
from serving.resources import Resources
from serving.routes.callers import Callers

__all__ = [
    "Engineer",
    "Shop",
    "Storefront",
    "admit_ask",
    "admit_event",
    "enter_storefront",
    "only",
    "slow_down",
    "with_token_shopper",
]

BACKEND_EVENTS: Final = frozenset({EventType.PURCHASE, EventType.ORDER, EventType.RETURN, EventType.CANCEL})

_ShopperToken = Annotated[
    str | None,
    Header(
        alias="X-Shopper-Token",
        description="Names the shopper of a browser key; signed by the shop's backend.",
        max_length=2048,
        examples=["v1.c2hvcHBlci0x.1795000000000.0b1c…"],
    ),
]


async def resources_of(request: Request) -> Resources:
    """What this process is made of."""
    resources: Resources = request.app.state.resources
    return resources


Shop = Annotated[Resources, Depends(resources_of)]


def _allow(*roles: Role) -> Callable[..., Principal]:
    """A dependency that lets in keys of these roles. It runs in a thread: a key's first use reads the database."""

    def enter(request: Request, shop: Shop, token: _ShopperToken = None) -> Principal:
        principal = shop.authenticator.authenticate(request.headers.get("authorization"), token)
        if principal.browser:
            slow_down(shop, principal, request.client.host if request.client else "")
        principal.requires(*roles)
        return principal

    return enter


def slow_down(shop: Resources, principal: Principal, address: str) -> None:
    """Take one of a browser key's calls.

    Raises:
        RateLimited: it has none left for now.
    """
    wait = shop.limiter.take((principal.key_id, address))
    if wait:
        raise RateLimited(f"too many calls from this address; try again in {ceil(wait)} s", ceil(wait))


async def enter_storefront(
    shop: Resources, callers: Callers, authorization: str | None, token: str | None, scope: Scope
) -> Principal:
    """Who calls, for what is answered in front of the framework; raises what the dependencies of routes raise, in
    their order."""
    caller = await callers.recognise(authorization, token)
    if caller.browser:
        client = scope.get("client")
        slow_down(shop, caller, client[0] if client else "")
    caller.requires(Role.STOREFRONT)
    return caller


def only(*roles: Role) -> Any:
    """A dependency for routes that need one of `roles` and do not ask further who calls."""
    return Depends(_allow(*roles))


Storefront = Annotated[Principal, Depends(_allow(Role.STOREFRONT))]
"""A shop's pages, in its backend or in browsers."""
Engineer = Annotated[Principal, Depends(_allow(Role.ENGINEER))]
"""Who may change what is live."""


def admit_ask(principal: Principal, ask: Ask) -> None:
    """Let a browser ask only for itself, and nothing private.

    Raises:
        Forbidden: another shopper, or something a browser may not see.
    """
    if not principal.browser:
        return
    principal.requires_shopper(ask.user_id)
    for name, used in (("explain", ask.explain), ("why_not", ask.why_not is not None)):
        if used:
            principal.requires_server(name)
    for text in (ask.filter, *(text for text, _ in ask.boosts)):
        for name in sorted(fields(parsed(text))) if text is not None else ():
            if name in PRIVATE_FIELDS or name.startswith("user."):
                principal.requires_server(f"a filter on {name!r}")
    for name in ask.fields or ():
        if name in PRIVATE_FIELDS:
            principal.requires_server(f"the field {name!r}")


def with_token_shopper(row: Mapping[str, object], principal: Principal) -> Mapping[str, object]:
    """A browser's event that names nobody is its own shopper's."""
    if principal.browser and principal.user_id is not None and row.get("user_id") is None:
        return {**row, "user_id": principal.user_id}
    return row


def admit_event(principal: Principal, event: Event) -> None:
    """Let a browser report only what its own shopper did, and no money.

    Raises:
        Forbidden: another shopper, or a type that only the shop's backend knows to be true.
    """
    if not principal.browser:
        return
    principal.requires_shopper(event.user_id)
    if event.type in BACKEND_EVENTS:
        raise Forbidden(
            f"a browser key may not post {event.type.value!r} events; post them from your shop's backend"
        )
