"""The views that every shop has, by name."""

from collections.abc import Mapping, Sequence
from typing import Final

from feature_store.views.feature_view import FeatureView
from feature_store.views.goods import ITEM_SALES
from feature_store.views.shoppers import USER_ACTIVITY, USER_RHYTHM, USER_VALUE
from feature_store.views.tastes import USER_BRAND, USER_CATEGORY, USER_ITEM
from feature_store.views.visits import SESSION, USER_SESSIONS
from recsys.errors import InputError

__all__ = ["VIEWS", "named_views"]

_ALL: Final = (
    USER_ACTIVITY,
    USER_VALUE,
    USER_RHYTHM,
    USER_SESSIONS,
    USER_CATEGORY,
    USER_BRAND,
    USER_ITEM,
    ITEM_SALES,
    SESSION,
)
VIEWS: Final[Mapping[str, FeatureView]] = {view.name: view for view in _ALL}


def named_views(names: Sequence[str]) -> list[FeatureView]:
    """The views of these names, all of them for none; InputError names what does not exist."""
    unknown = [name for name in names if name not in VIEWS]
    if unknown:
        raise InputError(f"there is no view {unknown[0]!r}; there are {', '.join(VIEWS)}")
    return [VIEWS[name] for name in names] or list(VIEWS.values())
