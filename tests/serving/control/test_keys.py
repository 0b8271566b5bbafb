"""Keys: shown once, stored hashed, recognised without the database, gone when revoked."""

import time
from collections.abc import Callable

import pytest
from sqlalchemy import Engine, text

from recsys.errors import InputError, UnavailableError
from serving.control.audit import AuditTrail
from serving.control.keys import KeyRepository
from serving.control.principals import Role


def break_database(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE access_keys RENAME TO away"))


def mend_database(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE away RENAME TO access_keys"))


def test_a_key_is_recognised_by_its_text(engine: Engine, clock: Callable[[], int]) -> None:
    keys = KeyRepository(engine, clock)
    made, shown = keys.create(Role.STOREFRONT, "首页 home page", browser=True)
    assert shown.startswith(f"rk_{made.key_id}_")
    known = keys.recognise(shown)
    assert known is not None
    assert (known.key_id, known.name, known.role, known.browser) == (
        made.key_id,
        "首页 home page",
        Role.STOREFRONT,
        True,
    )


def test_another_process_recognises_it_too(engine: Engine, clock: Callable[[], int]) -> None:
    _, shown = KeyRepository(engine, clock).create(Role.INGEST, "nightly import")
    assert KeyRepository(engine, clock).recognise(shown) is not None


def test_nothing_in_the_database_is_the_key_or_its_secret(engine: Engine, clock: Callable[[], int]) -> None:
    _, shown = KeyRepository(engine, clock).create(Role.ADMIN, "me")
    secret = shown.rpartition("_")[2]
    assert len(secret) == 64
    with engine.connect() as connection:
        stored = [
            str(row)
            for table in ("access_keys", "audit")
            for row in connection.execute(text(f"SELECT * FROM {table}"))
        ]
    assert stored
    assert not [row for row in stored if secret in row or shown in row]


@pytest.mark.parametrize("change", ["", "rk_", "x", "rk_000000000000_" + "0" * 64, "rk_é_é", "\x00"])
def test_what_is_not_a_key_is_not_recognised(engine: Engine, clock: Callable[[], int], change: str) -> None:
    keys = KeyRepository(engine, clock)
    keys.create(Role.ADMIN, "me")
    assert keys.recognise(change) is None


def test_a_key_with_one_wrong_character_is_not_recognised(engine: Engine, clock: Callable[[], int]) -> None:
    keys = KeyRepository(engine, clock)
    _, shown = keys.create(Role.ADMIN, "me")
    wrong = shown[:-1] + ("0" if shown[-1] != "0" else "1")
    assert keys.recognise(wrong) is None
    assert keys.recognise(shown + "0") is None
    assert keys.recognise(shown.upper()) is None


def test_two_keys_do_not_share_secrets(engine: Engine, clock: Callable[[], int]) -> None:
    keys = KeyRepository(engine, clock)
    (first, one), (second, two) = (keys.create(Role.INGEST, name) for name in ("a", "b"))
    crossed = f"rk_{first.key_id}_{two.rpartition('_')[2]}"
    assert keys.recognise(crossed) is None
    assert one != two
    assert first.key_id != second.key_id


def test_a_revoked_key_is_refused_at_once_here_and_soon_elsewhere(
    engine: Engine, clock: Callable[[], int]
) -> None:
    keys, elsewhere = KeyRepository(engine, clock), KeyRepository(engine, clock, ttl_s=0.05)
    made, shown = keys.create(Role.STOREFRONT, "shop")
    assert elsewhere.recognise(shown) is not None
    assert keys.revoke(made.key_id).revoked_at == clock()
    assert keys.recognise(shown) is None
    wait_for(lambda: elsewhere.recognise(shown) is None)


def test_revoking_twice_keeps_the_first_time(engine: Engine, clock: Callable[[], int]) -> None:
    keys = KeyRepository(engine, clock)
    made, _ = keys.create(Role.STOREFRONT, "shop")
    first = keys.revoke(made.key_id).revoked_at
    clock.at += 1000  # type: ignore[attr-defined]
    assert keys.revoke(made.key_id).revoked_at == first
    assert [entry.action for entry in AuditTrail(engine).latest()] == ["key.revoke", "key.create"]


def test_revoking_what_does_not_exist_says_where_to_look(engine: Engine, clock: Callable[[], int]) -> None:
    with pytest.raises(InputError, match=r"'nope'.*recsys keys list"):
        KeyRepository(engine, clock).revoke("nope")


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.STOREFRONT])
def test_a_browser_key_can_only_be_a_storefronts(
    engine: Engine, clock: Callable[[], int], role: Role
) -> None:
    with pytest.raises(InputError, match=role.value):
        KeyRepository(engine, clock).create(role, "page", browser=True)


@pytest.mark.parametrize("name", ["", "x" * 129, "two\nlines"])
def test_a_name_that_is_no_name_is_refused(engine: Engine, clock: Callable[[], int], name: str) -> None:
    with pytest.raises(InputError, match="1-128"):
        KeyRepository(engine, clock).create(Role.INGEST, name)


def test_whether_a_browser_key_lives_is_known(engine: Engine, clock: Callable[[], int]) -> None:
    keys = KeyRepository(engine, clock)
    keys.create(Role.STOREFRONT, "backend")
    assert not keys.any_browser_key()
    made, _ = keys.create(Role.STOREFRONT, "page", browser=True)
    assert keys.any_browser_key()
    keys.revoke(made.key_id)
    assert not keys.any_browser_key()


def test_keys_go_on_while_the_database_is_away(engine: Engine, clock: Callable[[], int]) -> None:
    keys = KeyRepository(engine, clock, ttl_s=0.0)
    _, shown = keys.create(Role.STOREFRONT, "shop")
    break_database(engine)
    wait_for(lambda: keys.recognise(shown) is not None and keys.stale)
    assert keys.recognise(shown) is not None
    mend_database(engine)
    wait_for(lambda: keys.recognise(shown) is not None and not keys.stale)


def test_a_process_that_never_saw_the_database_says_it_is_away(
    engine: Engine, clock: Callable[[], int]
) -> None:
    break_database(engine)
    with pytest.raises(UnavailableError, match="access keys"):
        KeyRepository(engine, clock).recognise(f"rk_{'0' * 12}_{'0' * 64}")


def test_use_is_noted_to_the_minute_and_not_on_every_request(
    engine: Engine, clock: Callable[[], int]
) -> None:
    keys = KeyRepository(engine, clock)
    _, shown = keys.create(Role.STOREFRONT, "shop")
    assert keys.all_keys()[0].last_used_at is None
    first = clock()
    keys.recognise(shown)
    wait_for(lambda: keys.all_keys()[0].last_used_at == first)
    clock.at += 59_999  # type: ignore[attr-defined]
    keys.recognise(shown)
    clock.at += 1  # type: ignore[attr-defined]
    keys.recognise(shown)
    wait_for(lambda: keys.all_keys()[0].last_used_at == first + 60_000)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
