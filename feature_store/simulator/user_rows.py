"""The simulated shoppers as `recsys.types.User`s: the attributes a shop would know, and refused consents."""

from collections.abc import Iterator

from feature_store.simulator.ids import user_id
from feature_store.simulator.population import (
    AGE_BANDS,
    CHANNELS,
    CITY_TIERS,
    GENDERS,
    MEMBER_LEVELS,
)
from feature_store.simulator.shop import Shop
from recsys.types import Consent, User

__all__ = ["user_rows"]

_REFUSALS = {"personalize": 0.02, "market": 0.10, "train": 0.03}


def user_rows(shop: Shop, block: int) -> Iterator[list[User]]:
    """Every shopper in code order, at most `block` at a time."""
    for low in range(0, len(shop.population), block):
        yield [_user(shop, code) for code in range(low, min(low + block, len(shop.population)))]


def _user(shop: Shop, code: int) -> User:
    people = shop.population
    return User(
        user_id=user_id(code),
        attributes={
            "age_band": AGE_BANDS[people.age_band[code]],
            "gender": GENDERS[people.gender[code]],
            "city_tier": CITY_TIERS[people.city_tier[code]],
            "member_level": MEMBER_LEVELS[people.member_level[code]],
            "channel": CHANNELS[people.channel[code]],
        },
        consent=_consent(shop, code),
    )


def _consent(shop: Shop, code: int) -> Consent:
    """Most allow everything; refusals are independent of each other and of taste."""
    refused = {
        purpose: bool(shop.draws.chance(f"user.refuses.{purpose}", share, code)[0])
        for purpose, share in _REFUSALS.items()
    }
    return Consent(**{purpose: not no for purpose, no in refused.items()})
