"""One reader per kind of cell: a raw value becomes a clean one, or CellError says why not.

These functions are the specification; `event_columns` must never accept what they refuse. The regular
expressions are shared with Arrow's RE2, so that "printable" means the same in both.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import cast

import orjson

from feature_store.records.fields import EARLIEST, MAX_FUTURE, CellError, Field, Kind, Policy, nearest
from feature_store.records.times import parse_time, to_rfc3339
from recsys.types import Scalar

__all__ = ["CONTROL", "EDGE_SPACE", "UNPRINTABLE", "read_cell"]

CONTROL = "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
# Control, format and line-separator characters: an id holding one looks like another id.
UNPRINTABLE = "[\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
EDGE_SPACE = "^[ \u00a0\u3000]|[ \u00a0\u3000]$"
_NUMBER = re.compile(r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$")
_WHOLE = re.compile(r"^[+-]?[0-9]{1,18}$")

_CONTROL = re.compile(CONTROL + "|[\ud800-\udfff]")
_UNPRINTABLE = re.compile(UNPRINTABLE + "|[\ud800-\udfff]")
_NOT_FINITE = re.compile(r"^[+-]?(nan|inf|infinity)$", re.IGNORECASE)
_FLAGS = {"true": True, "false": False, "1": True, "0": False}
_SPACES = " \u00a0\u3000"
_MAX_TEXT_VALUE = 1024
_MAX_EXACT = 2**53


def read_cell(field: Field, value: object, policy: Policy) -> object:
    """The clean value of a non-null cell, or CellError."""
    return _READERS[field.kind](field, value, policy)


def _id(field: Field, value: object, _policy: Policy) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise _wrong_type(value, "an id (text of 1-128 characters)")
    if not value:
        raise CellError("bad_id", "is empty; an id has 1-128 characters")
    if len(value) > field.length:
        raise CellError("too_long", f"has {len(value)} characters; an id has at most {field.length}")
    if _UNPRINTABLE.search(value):
        raise CellError("control_characters", f"{value!r} holds an unprintable character")
    if value[0] in _SPACES or value[-1] in _SPACES:
        raise CellError("bad_id", f"{value!r} starts or ends with a space")
    return value


def _text(field: Field, value: object, _policy: Policy) -> str:
    if not isinstance(value, str):
        raise _wrong_type(value, "text")
    if len(value) > field.length:
        raise CellError("too_long", f"has {len(value)} characters; at most {field.length} are kept")
    if _CONTROL.search(value):
        raise CellError("control_characters", f"{value[:60]!r} holds a control character")
    return value


def _code(field: Field, value: object, _policy: Policy) -> str:
    if not isinstance(value, str):
        raise _wrong_type(value, "text")
    if not re.fullmatch(field.pattern or ".*", value):
        raise CellError("unknown_value", f"{value[:40]!r} is not of the form {field.pattern}")
    return value


def _choice(field: Field, value: object, _policy: Policy) -> str:
    if not isinstance(value, str):
        raise _wrong_type(value, "one of " + ", ".join(field.choices))
    if value not in field.choices:
        hint = nearest(value, field.choices) or "; known are " + ", ".join(field.choices)
        raise CellError("unknown_value", f"{value[:40]!r} is unknown{hint}")
    return str(value)


def _number(field: Field, value: object, policy: Policy) -> float:
    if isinstance(value, str) and policy.from_file:
        value = _number_in_text(value.strip())
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong_type(value, "a number")
    if isinstance(value, float) and not math.isfinite(value):
        raise CellError("not_finite", f"{value} is not a finite number")
    _in_range(field, value)
    return float(value) + 0.0  # turns -0.0 into 0.0


def _number_in_text(text: str) -> float:
    if _NOT_FINITE.match(text):
        raise CellError("not_finite", f"{text!r} is not a finite number")
    if not _NUMBER.match(text):
        raise _wrong_type(text, "a number")
    return float(text)


def _integer(field: Field, value: object, policy: Policy) -> int:
    if isinstance(value, str) and policy.from_file and _WHOLE.match(value.strip()):
        value = int(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < _MAX_EXACT:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong_type(value, "a whole number")
    _in_range(field, value)
    return value


def _in_range(field: Field, value: float) -> None:
    if field.low is not None and value < field.low:
        raise CellError("out_of_range", f"{value!r} is below {field.low:g}")
    if field.high is not None and value > field.high:
        raise CellError("out_of_range", f"{str(value)[:40]} is above {field.high:g}")


def _time(field: Field, value: object, policy: Policy) -> int:
    moment = parse_time(value, policy.timezone, digits=policy.from_file)
    if moment < EARLIEST:
        raise CellError("past_time", f"{moment} ms is before the year 2000: are these seconds, not ms?")
    if field.past and moment > policy.now + MAX_FUTURE:
        raise CellError("future_time", f"{_show(moment)} is over 24 hours ahead of now ({_show(policy.now)})")
    if moment >= _MAX_EXACT:
        raise CellError("bad_time", f"{moment} ms is out of the calendar")
    return moment


def _show(moment: int) -> str:
    # datetime ends with the year 9999; a number in nanoseconds lies far behind it.
    return to_rfc3339(moment) if moment < 253_402_300_800_000 else f"{moment} ms"


def _flag(_field: Field, value: object, policy: Policy) -> bool:
    if isinstance(value, bool):
        return value
    if policy.from_file and isinstance(value, str | int):
        known = _FLAGS.get(str(value).strip().lower())
        if known is not None:
            return known
    raise _wrong_type(value, "true or false")


def _map(field: Field, value: object, policy: Policy) -> dict[str, Scalar]:
    if isinstance(value, str) and policy.from_file:
        value = _json(value)
    if (
        isinstance(value, list)
        and policy.from_file
        and all(isinstance(e, tuple) and len(e) == 2 for e in value)
    ):
        value = dict(value)  # how Arrow hands over a map
    if not isinstance(value, Mapping):
        raise _wrong_type(value, "an object of names and values")
    entries = {str(key): entry for key, entry in value.items() if entry is not None}
    if len(entries) > field.length:
        raise CellError("too_many_entries", f"has {len(entries)} entries; at most {field.length} are kept")
    for key, entry in entries.items():
        _check_entry(field, key, entry)
    return cast(dict[str, Scalar], entries)


def _check_entry(field: Field, key: str, entry: object) -> None:
    if not 1 <= len(key) <= 64 or _UNPRINTABLE.search(key):
        raise CellError("bad_key", f"{key[:70]!r} is not a name of 1-64 printable characters")
    if field.pattern and not re.fullmatch(field.pattern, key):
        raise CellError("unknown_field", f"{key!r} is not known here: use {field.pattern}")
    if isinstance(entry, str):
        if len(entry) > _MAX_TEXT_VALUE:
            raise CellError(
                "too_long", f"{key!r} has {len(entry)} characters; at most {_MAX_TEXT_VALUE} are kept"
            )
        if _CONTROL.search(entry):
            raise CellError("control_characters", f"{key!r} holds a control character")
    elif isinstance(entry, float) and not math.isfinite(entry):
        raise CellError("not_finite", f"{key!r} is not a finite number")
    elif not isinstance(entry, int | float):
        raise CellError("wrong_type", f"{key!r} is {type(entry).__name__}: use text, a number or true/false")
    elif not -(2**63) <= entry < 2**63:
        raise CellError("out_of_range", f"{key!r} does not fit into 64 bits")


def _list(field: Field, value: object, policy: Policy) -> tuple[str, ...]:
    if isinstance(value, str) and policy.from_file:
        value = _json(value) if value.startswith("[") else value.split("|")
    if not isinstance(value, list | tuple):
        raise _wrong_type(value, "a list of text")
    return tuple(dict.fromkeys(_list_entries(field, value, policy)))


def _list_entries(field: Field, entries: Iterable[object], policy: Policy) -> list[str]:
    words = [_id(field, entry.strip() if isinstance(entry, str) else entry, policy) for entry in entries]
    if len(words) > 256:
        raise CellError("too_many_entries", f"has {len(words)} entries; at most 256 are kept")
    return words


def _json(text: str) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise CellError("bad_json", f"{text[:60]!r} is not JSON: {error}") from None


def _nested(_field: Field, value: object, policy: Policy) -> object:
    return _json(value) if isinstance(value, str) and policy.from_file else value


def _wrong_type(value: object, wanted: str) -> CellError:
    return CellError("wrong_type", f"{str(value)[:60]!r} ({type(value).__name__}) is not {wanted}")


_READERS: Mapping[Kind, Callable[[Field, object, Policy], object]] = {
    Kind.ID: _id,
    Kind.TEXT: _text,
    Kind.CODE: _code,
    Kind.CHOICE: _choice,
    Kind.NUMBER: _number,
    Kind.INTEGER: _integer,
    Kind.TIME: _time,
    Kind.FLAG: _flag,
    Kind.MAP: _map,
    Kind.LIST: _list,
    Kind.NESTED: _nested,
}
