"""Refuses query parameters a route does not know, as bodies do: what is silently ignored is the worst answer."""

from difflib import get_close_matches
from typing import Any, Final

from fastapi import Request
from fastapi.dependencies.models import Dependant
from pydantic import BaseModel

from serving.errors import FieldError, InvalidRequest

__all__ = ["refuse_unknown_parameters"]

_TOLD: Final = 100


async def refuse_unknown_parameters(request: Request) -> None:
    """Compare the query string with the route's own parameters; depends on nothing else, so it serves every route.

    Raises:
        InvalidRequest: each unknown parameter with the nearest known one.
    """
    if not request.scope["query_string"]:
        return
    known = _parameters(request.scope["route"].dependant)
    unknown = [name for name in request.query_params if name not in known]
    if unknown:
        mistakes = [_mistake(name, known) for name in unknown[:_TOLD]]
        raise InvalidRequest(f"unknown query parameter {unknown[0]!r}", mistakes)


def _parameters(dependant: Dependant) -> list[str]:
    """The names a route takes, those of its dependencies and of parameter models among them."""
    names = [name for field in dependant.query_params for name in _names(field)]
    return names + [name for inner in dependant.dependencies for name in _parameters(inner)]


def _names(field: Any) -> list[str]:
    model = field.field_info.annotation
    if isinstance(model, type) and issubclass(model, BaseModel):
        return [inner.alias or name for name, inner in model.model_fields.items()]
    return [field.alias]


def _mistake(name: str, known: list[str]) -> FieldError:
    takes = f"this route takes {', '.join(known)}" if known else "this route takes none"
    close = get_close_matches(name, known, n=1)
    return FieldError(
        field=name, message=f"unknown query parameter; {takes}", nearest=close[0] if close else None
    )
