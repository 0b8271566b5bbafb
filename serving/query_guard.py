"""Refuses query parameters a route does not know, as bodies do: what is silently ignored is the worst answer."""

from difflib import get_close_matches

from fastapi import Request
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query
from fastapi.routing import APIRoute

from serving.errors import FieldError, InvalidRequest

__all__ = ["refuse_unknown_parameters"]


async def refuse_unknown_parameters(request: Request) -> None:
    """Compare the query string with the route's own parameters; depends on nothing else, so it serves every route.

    Raises:
        InvalidRequest: each unknown parameter with the nearest known one.
    """
    if not request.scope["query_string"]:
        return
    known = _parameters(request.scope["route"])
    unknown = [name for name in request.query_params if name not in known]
    if unknown:
        mistakes = [_mistake(name, known) for name in unknown]
        raise InvalidRequest(f"unknown query parameter {unknown[0]!r}", mistakes)


def _parameters(route: APIRoute) -> list[str]:
    flat = get_flat_params(route.dependant)
    return [field.alias for field in flat if isinstance(field.field_info, Query)]


def _mistake(name: str, known: list[str]) -> FieldError:
    takes = f"this route takes {', '.join(known)}" if known else "this route takes none"
    close = get_close_matches(name, known, n=1)
    return FieldError(
        field=name, message=f"unknown query parameter; {takes}", nearest=close[0] if close else None
    )
