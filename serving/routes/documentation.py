"""What the OpenAPI page says of every route beyond its own types: problems, bodies that are read row by row."""

from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from serving.schemas.events import EventsRequest
from serving.schemas.items import ItemsRequest, OffersRequest
from serving.schemas.operations import Problem
from serving.schemas.users import UsersRequest
from serving.wire.problems import PROBLEM_JSON

__all__ = ["JSON_LINES", "open_problems", "problems", "rows_body", "with_keys", "with_shared_schemas"]

JSON_LINES: Final = "application/x-ndjson"
_REF: Final = "#/components/schemas/{model}"
_ROWS: Final[tuple[type[BaseModel], ...]] = (EventsRequest, ItemsRequest, OffersRequest, UsersRequest)
_MEANING: Final = {
    400: "The body cannot be read: not JSON in UTF-8.",
    401: "No key, or one that is unknown or revoked; or a shopper token that does not hold.",
    403: "The key may not do this.",
    404: "There is no such thing.",
    409: "That does not fit what is the case now.",
    413: "The body is too large.",
    422: "The request is wrong; `errors` names each mistake.",
    429: "Too many calls of a browser key; see `Retry-After`.",
    503: "A part of the service is away; see `Retry-After`.",
}
_ALWAYS: Final = (401, 403, 422, 429, 503)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The refusals of a route: those every route with a key has, and `statuses`."""
    return {status: _problem(status) for status in sorted({*_ALWAYS, *statuses})}


def open_problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The refusals of a route without a key."""
    return {status: _problem(status) for status in sorted({422, *statuses})}


def rows_body(model: type[BaseModel]) -> dict[str, Any]:
    """`openapi_extra` of a route that takes an object with a list, the bare list, or JSON lines."""
    (name,) = model.model_fields
    whole = {"$ref": _REF.format(model=model.__name__)}
    rows = {"$ref": f"{whole['$ref']}/properties/{name}"}
    content = {
        "application/json": {"schema": {"anyOf": [whole, rows]}},
        JSON_LINES: {"schema": {"type": "string", "description": f"One of `{name}` a line."}},
    }
    return {"requestBody": {"required": True, "content": content}}


def with_shared_schemas(openapi: dict[str, Any]) -> dict[str, Any]:
    """Add the models that routes refer to without naming them as types."""
    modes = [*((model, "validation") for model in _ROWS), (Problem, "serialization")]
    _, definitions = models_json_schema(modes, ref_template=_REF)  # type: ignore[arg-type]
    schemas = openapi.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(definitions["$defs"])
    return openapi


def with_keys(openapi: dict[str, Any]) -> dict[str, Any]:
    """Say which routes ask for a key: all of `/v1`. The header is read once, by the authenticator."""
    schemes = openapi.setdefault("components", {}).setdefault("securitySchemes", {})
    schemes["key"] = {"type": "http", "scheme": "bearer", "description": "Make one: `recsys keys create`."}
    for path, operations in openapi["paths"].items():
        for operation in operations.values() if path.startswith("/v1/") else ():
            operation["security"] = [{"key": []}]
    return openapi


def _problem(status: int) -> dict[str, Any]:
    schema = {"$ref": _REF.format(model=Problem.__name__)}
    return {"description": _MEANING[status], "content": {PROBLEM_JSON: {"schema": schema}}}
