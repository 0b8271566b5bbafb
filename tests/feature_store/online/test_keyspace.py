import re

import pytest

from feature_store.online.keyspace import Keys


def tag(key: str | bytes) -> bytes:
    """The Redis Cluster hash tag: between the first brace and the first closing one behind it."""
    found = re.search(rb"\{([^}]+)\}", key.encode() if isinstance(key, str) else key)
    assert found is not None
    return found.group(1)


@pytest.mark.parametrize("user_id", ["u", "a}b", "{a}", "用户/1"])
def test_what_belongs_to_one_shopper_is_in_one_slot(user_id: str) -> None:
    keys = Keys("shop")
    assert tag(keys.user_history(user_id)) == tag(keys.user_document(user_id))


def test_what_one_script_touches_is_in_one_slot() -> None:
    keys = Keys("shop")
    assert {tag(keys.events), tag(keys.seen("1")), tag(keys.seen("}"))} == {b"events"}
    catalogue = (keys.items, keys.item_changes, keys.item_epoch, keys.item_trimmed, keys.item_written)
    assert {tag(key) for key in catalogue} == {b"catalogue"}
    assert tag(keys.merged_into) == tag(keys.merged_groups)
    assert {tag(keys.job_queue), tag(keys.jobs_running), tag(keys.job("1"))} == {b"jobs"}


def test_every_key_carries_the_prefix_and_none_is_shared() -> None:
    one, other = Keys("one"), Keys("other")
    names = [value for value in vars(one).values() if isinstance(value, str) and ":" in value]
    assert all(name.startswith("one:") for name in names)
    assert len(set(names)) == len(names)
    assert one.user_history("x") != other.user_history("x")
    assert one.user_history("x") != one.session_history("x")


def test_ids_that_look_like_keys_stay_apart() -> None:
    keys = Keys("shop")
    made = [keys.user_history(name) for name in ("x", "x}:h", "x}:d", "{x", "x}")]
    made += [keys.user_document(name) for name in ("x", "x}:h", "x}:d", "{x", "x}")]
    assert len(set(made)) == len(made)
