"""The shape of user rows: open attributes, consent by purpose. Flat files write `attributes.age`, `consent.train`."""

from collections.abc import Mapping
from typing import Final
from zoneinfo import ZoneInfo

from feature_store.records.codec import user_from_dict
from feature_store.records.column_map import folded
from feature_store.records.fields import Field, Kind, Policy, Rejection, RowError, table_of
from feature_store.records.rows import clean_row, refuse
from recsys.types import User

__all__ = ["OPEN_USER_NAMES", "USER_FIELDS", "validate_user"]

OPEN_USER_NAMES: Final = r"attributes\..+|consent\.(personalize|market|train)"
USER_FIELDS: Final[Mapping[str, Field]] = table_of(
    (
        Field(name="user_id", kind=Kind.ID),
        Field(name="attributes", kind=Kind.MAP, length=256),
        Field(name="consent", kind=Kind.NESTED),
        Field(name="updated_at", kind=Kind.TIME, past=True),
    )
)
_CONSENT_FIELDS: Final = table_of(
    Field(name=purpose, kind=Kind.FLAG) for purpose in ("personalize", "market", "train")
)


def validate_user(
    row: Mapping[str, object], now: int, *, timezone: ZoneInfo | None = None, from_file: bool = False
) -> User | Rejection:
    """The user in `row`, or why it is refused. A purpose that is not named is allowed."""
    policy = Policy(now, timezone, from_file)
    try:
        clean = clean_row(USER_FIELDS, folded(row, ("attributes", "consent")), policy)
        if "user_id" not in clean:
            raise refuse("missing_field", "user_id is required", "user_id")
        consent = clean.get("consent", {})
        if not isinstance(consent, Mapping):
            raise refuse("wrong_type", "consent: is not an object of purposes", "consent")
        clean["consent"] = clean_row(_CONSENT_FIELDS, consent, policy)
    except RowError as error:
        return error.rejection
    return user_from_dict(clean)
