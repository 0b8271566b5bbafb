"""Lists over HTTP, on a real release."""

from typing import Any


def test_a_known_shopper_gets_twenty_distinct_items(api: Any) -> None:
    answer = api.recommend(user_id=api.made.shopper, return_items=True, language="zh")
    print(answer.text)
    assert answer.status_code == 200
