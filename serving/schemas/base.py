"""What all wire models share: strict types, unknown fields refused, ids and words as the stores accept them."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from feature_store.records.cells import EDGE_SPACE, UNPRINTABLE

__all__ = ["Answer", "Identifier", "Language", "Query", "Request", "Scalar", "Slot"]

_UNPRINTABLE: Final = re.compile(UNPRINTABLE)
_EDGE_SPACE: Final = re.compile(EDGE_SPACE)


def _is_id(text: str) -> str:
    if _UNPRINTABLE.search(text):
        raise ValueError("holds an unprintable character")
    if _EDGE_SPACE.search(text):
        raise ValueError("starts or ends with a space")
    return text


Identifier = Annotated[str, Field(min_length=1, max_length=128), AfterValidator(_is_id)]
"""1-128 printable characters, opaque."""

Language = Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}$", max_length=35)]
"""A language tag such as `en`, `zh` or `zh-CN`."""

Slot = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_is_id)]
"""The name of a place in the storefront."""

Scalar = str | int | float | bool
"""What an open attribute may hold."""


class Request(BaseModel):
    """A body. JSON types are taken as they are: `"20"` is not 20."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


class Query(BaseModel):
    """Query parameters, which arrive as text."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)


class Answer(BaseModel):
    """Documents what a route answers; answers themselves are written by orjson, without an object per item."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)
