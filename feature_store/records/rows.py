"""Judging one row against a field table: unknown names first, then every cell in the order of the table."""

from collections.abc import Mapping

from feature_store.records.cells import read_cell
from feature_store.records.fields import CellError, Field, Policy, Rejection, RowError, nearest

__all__ = ["clean_row", "refuse"]


def clean_row(fields: Mapping[str, Field], row: Mapping[str, object], policy: Policy) -> dict[str, object]:
    """The clean non-null cells of `row`, or RowError. In files an empty text counts as null."""
    if not row.keys() <= fields.keys():
        _refuse_unknown(fields, row)
    clean: dict[str, object] = {}
    for name, field in fields.items():
        value = row.get(name)
        if value is None or (value == "" and policy.from_file):
            continue
        if field.server:
            raise refuse("server_only", f"{name} is written by the server; leave it out", name)
        try:
            clean[name] = read_cell(field, value, policy)
        except CellError as error:
            raise refuse(error.code, f"{name}: {error}", name) from None
    return clean


def refuse(code: str, message: str, field: str | None = None) -> RowError:
    """The exception that refuses a row."""
    return RowError(Rejection(code, message, field))


def _refuse_unknown(fields: Mapping[str, Field], row: Mapping[str, object]) -> None:
    for name in row:
        if name not in fields:
            known = [field.name for field in fields.values() if not field.server]
            raise refuse("unknown_field", f"unknown field {name!r}{nearest(str(name), known)}", str(name))
