"""The simulated shoppers as `recsys.types.User`s: the attributes a shop would know, and refused consents."""

from collections.abc import Iterator

import numpy as np

from feature_store.simulator.ids import user_id
from feature_store.simulator.population import AGE_BANDS, CHANNELS, CITY_TIERS, GENDERS, MEMBER_LEVELS
from feature_store.simulator.shop import Shop
from recsys.types import Consent, User

__all__ = ["user_rows"]

_REFUSALS = {"personalize": 0.02, "market": 0.10, "train": 0.03}


def user_rows(shop: Shop, block: int) -> Iterator[list[User]]:
    """Every shopper in code order, at most `block` at a time; refusals are independent of each other and of taste."""
    for low in range(0, len(shop.population), block):
        codes = np.arange(low, min(low + block, len(shop.population)), dtype=np.int64)
        refused = [
            shop.draws.chance(f"user.refuses.{name}", share, codes) for name, share in _REFUSALS.items()
        ]
        allowed = (~np.stack(refused, axis=1)).tolist()
        yield [_user(shop, code, allowed[row]) for row, code in enumerate(codes.tolist())]


def _user(shop: Shop, code: int, allowed: list[bool]) -> User:
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
        consent=Consent(**dict(zip(_REFUSALS, allowed, strict=True))),
    )
