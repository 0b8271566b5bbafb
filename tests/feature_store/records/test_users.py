from typing import Any

import pytest

from feature_store.records.fields import Rejection
from feature_store.records.users import validate_user
from recsys.types import Consent, User

NOW = 1_764_000_000_000


def test_a_nested_row_becomes_the_user() -> None:
    row = {
        "user_id": "客户1",
        "attributes": {"city": "上海", "level": 3, "vip": True},
        "consent": {"market": False},
        "updated_at": NOW,
    }
    assert validate_user(row, NOW) == User(
        user_id="客户1",
        attributes={"city": "上海", "level": 3, "vip": True},
        consent=Consent(market=False),
        updated_at=NOW,
    )


def test_a_flat_row_of_text_becomes_the_user() -> None:
    row = {"user_id": "u", "attributes.city": "上海", "attributes.level": "", "consent.train": "false"}
    assert validate_user(row, NOW, from_file=True) == User(
        user_id="u", attributes={"city": "上海"}, consent=Consent(train=False)
    )


@pytest.mark.parametrize(
    ("row", "code", "field"),
    [
        ({}, "missing_field", "user_id"),
        ({"user_id": "u", "age": 3}, "unknown_field", "age"),
        ({"user_id": "u", "consent": True}, "wrong_type", "consent"),
        ({"user_id": "u", "consent": {"sell": True}}, "unknown_field", "sell"),
        ({"user_id": "u", "consent": {"train": "no"}}, "wrong_type", "train"),
        ({"user_id": "u", "attributes": {"a": None, "b": [1]}}, "wrong_type", "attributes"),
        ({"user_id": "u", "updated_at": "2025-01-01"}, "naive_time", "updated_at"),
    ],
)
def test_a_bad_user_is_refused_by_code_and_field(row: dict[str, Any], code: str, field: str) -> None:
    judged = validate_user(row, NOW)
    assert isinstance(judged, Rejection)
    assert (judged.code, judged.field) == (code, field)
