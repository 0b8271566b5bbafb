"""What is wrong with a request, field by field, with the name the caller may have meant.

The validators of the framework say where and what; this adds the nearest known name and leaves out everything that is
the validator's own business.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, Final, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from serving.errors import FieldError, InvalidRequest

__all__ = ["check_same_id", "field_errors", "plain", "read_as", "refusal"]

M = TypeVar("M", bound=BaseModel)
_SHOWN: Final = 80
_QUOTED: Final = re.compile(r"'([^']*)'")
_TOLD: Final = 100
"""Mistakes that are told one by one: a body can hold tens of thousands, and each is compared with known names."""
# Their input is the whole object or says nothing.
_WITHOUT_VALUE: Final = frozenset({"missing", "extra_forbidden", "json_invalid", "too_long"})


def read_as(model: type[M], value: object) -> M:
    """`value` as a model.

    Raises:
        InvalidRequest: with every mistake.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise refusal(field_errors(error.errors(include_url=False), model)) from None


def plain(body: BaseModel) -> dict[str, Any]:
    """What a body says, and only that: fields that it left out stay out."""
    return body.model_dump(exclude_unset=True, by_alias=True)


def check_same_id(field: str, in_body: str | None, in_path: str) -> None:
    """Refuse a body that speaks of another thing than its path.

    Raises:
        InvalidRequest: the two differ.
    """
    if in_body not in (None, in_path):
        message = f"is {in_body!r}, the path says {in_path!r}"
        raise refusal([FieldError(field=field, message=message)])


def refusal(mistakes: Sequence[FieldError]) -> InvalidRequest:
    """The error that names the first mistake and holds them, at most `_TOLD`."""
    first = mistakes[0]
    hint = f"; did you mean {first.nearest!r}?" if first.nearest else ""
    least = "at least " if len(mistakes) >= _TOLD else ""
    more = f" (and {least}{len(mistakes) - 1} more)" if len(mistakes) > 1 else ""
    place = f"{first.field}: " if first.field else ""
    return InvalidRequest(f"{place}{first.message}{hint}{more}", mistakes)


def field_errors(errors: Sequence[Mapping[str, Any]], model: object) -> list[FieldError]:
    """The first `_TOLD` errors of a validator as mistakes in fields of `model`.

    Paths are dotted, list places count from 0.
    """
    return [_mistake(error, model) for error in errors[:_TOLD]]


def _mistake(error: Mapping[str, Any], model: object) -> FieldError:
    path = [part for part in error["loc"] if part != "[key]"]
    kind, message = error["type"], error["msg"].removeprefix("Value error, ")
    nearest = None
    if kind == "extra_forbidden":
        message, nearest = "unknown field", _nearest(str(path[-1]), _names(model, path[:-1]))
    elif kind == "missing":
        message = "is required" if path else "a body is required; send a JSON object"
    elif kind == "literal_error":
        nearest = _nearest(str(error["input"]), _QUOTED.findall(error["ctx"]["expected"]))
    if kind not in _WITHOUT_VALUE:
        message = f"{message}, not {_shortened(error.get('input'))}"
    return FieldError(field=".".join(_cut(str(part)) for part in path), message=message, nearest=nearest)


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _shortened(value: object) -> str:
    """What was sent, as far as it fits: a text is cut first, since one can be a megabyte."""
    if isinstance(value, str):
        return _cut(repr(value[: _SHOWN + 1]))
    text = repr(value) if isinstance(value, int | float | bool | None) else type(value).__name__
    return _cut(text)


def _nearest(name: str, known: Iterable[str]) -> str | None:
    close = get_close_matches(name[:64], list(known), n=1)
    return close[0] if close else None


def _names(model: object, path: Sequence[object]) -> list[str]:
    """The fields that are known at a path."""
    found = _model_in(model)
    for part in path:
        if found is None:
            return []
        if isinstance(part, str):
            named = [f for name, f in found.model_fields.items() if part in (name, f.alias)]
            found = _model_in(named[0].annotation) if named else None
    return [] if found is None else [field.alias or name for name, field in found.model_fields.items()]


def _model_in(annotation: object) -> type[BaseModel] | None:
    """The model that an annotation such as `list[Boost]` or `Promo | None` is about."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (Annotated, Union, UnionType, list, dict):
        found = (_model_in(argument) for argument in get_args(annotation))
        return next((model for model in found if model is not None), None)
    return None
