"""Reading JSON bodies: strictly UTF-8, finite numbers, bounded depth; one object, a list of rows, or JSON lines.

orjson refuses what the standard parser lets through (NaN, UTF-16, lone surrogates, nesting past 1024), several times
faster. A body counts as JSON whatever its content type says, since nothing else is ever read here.
"""

from collections.abc import Callable, Coroutine, MutableMapping
from typing import Annotated, Any, Final

import orjson
from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute

from serving.errors import FieldError, InvalidRequest, MalformedRequest

__all__ = ["Body", "JsonRoute", "RawBody", "is_lines", "read_rows"]

_LINES: Final = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines")


class Body:
    """The bytes of a body and what the caller says they are."""

    __slots__ = ("content", "lines")

    def __init__(self, content: bytes, content_type: str) -> None:
        self.content = content
        self.lines = is_lines(content_type)


class _JsonRequest(Request):
    """A request whose body is JSON."""

    async def json(self) -> Any:
        # Its error is a json.JSONDecodeError, which the framework knows.
        return orjson.loads(await self.body())


class JsonRoute(APIRoute):
    """A route whose typed body is read by `orjson`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The framework's handler over a request that reads JSON our way."""
        handle = super().get_route_handler()

        async def handle_json(request: Request) -> Response:
            return await handle(_JsonRequest(_as_json(request), request.receive))

        return handle_json


async def raw_body(request: Request) -> Body:
    """The body unread, for routes that judge row by row."""
    return Body(await request.body(), request.headers.get("content-type", ""))


RawBody = Annotated[Body, Depends(raw_body)]


def read_rows(body: Body, name: str, limit: int) -> list[dict[str, object]]:
    """The rows of a body: a JSON list, an object with a list under `name`, or JSON lines.

    Raises:
        MalformedRequest: it is not JSON.
        InvalidRequest: it has another shape, or more than `limit` rows.
    """
    rows = _decode_lines(body.content) if body.lines else _unwrap(_decode(body.content), name)
    if len(rows) > limit:
        raise InvalidRequest(f"{len(rows)} {name} are too many for one call; send at most {limit}")
    for index, row in enumerate(rows):
        if not isinstance(row, dict):
            mistake = FieldError(field=f"{name}.{index}", message=f"is {type(row).__name__}; send an object")
            raise InvalidRequest(f"row {index} of {name} is not an object", [mistake])
    return rows


def _as_json(request: Request) -> MutableMapping[str, Any]:
    """The scope with a content type that makes the framework decode the body; rows in lines stay what they are."""
    content_type = request.headers.get("content-type", "")
    if content_type == "application/json" or is_lines(content_type):
        return request.scope
    headers = [pair for pair in request.scope["headers"] if pair[0] != b"content-type"]
    return {**request.scope, "headers": [*headers, (b"content-type", b"application/json")]}


def is_lines(content_type: str) -> bool:
    """Whether a content type says one JSON object per line."""
    return content_type.partition(";")[0].strip().lower() in _LINES


def _decode(content: bytes) -> Any:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise MalformedRequest(f"the body is not JSON in UTF-8: {error}") from None


def _decode_lines(content: bytes) -> list[Any]:
    rows = []
    for number, line in enumerate(content.split(b"\n"), start=1):
        if line.strip():
            try:
                rows.append(orjson.loads(line))
            except orjson.JSONDecodeError as error:
                raise MalformedRequest(f"line {number} is not JSON in UTF-8: {error}") from None
    return rows


def _unwrap(value: object, name: str) -> list[Any]:
    if isinstance(value, list):
        return value
    if isinstance(value, dict) and value.keys() == {name} and isinstance(value[name], list):
        rows: list[Any] = value[name]
        return rows
    shape = f'{{"{name}": [...]}}'
    raise InvalidRequest(
        f"send a JSON list of {name}, an object {shape}, or JSON lines (application/x-ndjson)"
    )
