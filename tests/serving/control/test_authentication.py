"""From two headers to a principal, or to a 401 that says why."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from serving.control.authentication import Authenticator
from serving.control.keys import KeyRepository
from serving.control.principals import Role
from serving.control.tokens import sign_shopper_token
from serving.errors import Unauthorized

SECRET = "0123456789abcdef" * 2


@pytest.fixture
def keys(engine: Engine, clock: Callable[[], int]) -> KeyRepository:
    return KeyRepository(engine, clock)


@pytest.fixture
def authenticator(keys: KeyRepository, clock: Callable[[], int]) -> Authenticator:
    return Authenticator(keys, SECRET, clock)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_key_makes_a_principal(authenticator: Authenticator, keys: KeyRepository, scheme: str) -> None:
    made, shown = keys.create(Role.ENGINEER, "notebook")
    principal = authenticator.authenticate(f"{scheme} {shown}")
    assert (principal.key_id, principal.role, principal.browser) == (made.key_id, Role.ENGINEER, False)
    assert principal.user_id is None


def test_a_browser_key_with_a_token_stands_for_that_shopper(
    authenticator: Authenticator, keys: KeyRepository, clock: Callable[[], int]
) -> None:
    _, shown = keys.create(Role.STOREFRONT, "page", browser=True)
    token = sign_shopper_token("买家-7", clock() + 1000, SECRET)
    principal = authenticator.authenticate(f"Bearer {shown}", token)
    assert principal.browser
    assert principal.user_id == "买家-7"


@pytest.mark.parametrize(
    ("authorization", "reason"),
    [
        (None, "no key was sent"),
        ("", "no key was sent"),
        ("Basic dXNlcjpwYXNz", "not of the form"),
        ("Bearer", "not of the form"),
        ("Bearer  ", "not of the form"),
        ("Bearer rk_000000000000_" + "0" * 64, "unknown or revoked"),
        ("Bearer nonsense", "unknown or revoked"),
    ],
)
def test_a_header_without_a_live_key_is_refused_and_not_repeated(
    authenticator: Authenticator, authorization: str | None, reason: str
) -> None:
    with pytest.raises(Unauthorized, match=reason) as refusal:
        authenticator.authenticate(authorization)
    assert "dXNlcjpwYXNz" not in str(refusal.value)
    assert "00000000" not in str(refusal.value)


@pytest.mark.parametrize("browser", [True, False])
def test_a_token_that_does_not_hold_is_an_error_and_not_an_anonymous_shopper(
    authenticator: Authenticator, keys: KeyRepository, clock: Callable[[], int], browser: bool
) -> None:
    _, shown = keys.create(Role.STOREFRONT, "page", browser=browser)
    with pytest.raises(Unauthorized, match="expired"):
        authenticator.authenticate(f"Bearer {shown}", sign_shopper_token("u", clock() - 1, SECRET))
    with pytest.raises(Unauthorized, match="malformed"):
        authenticator.authenticate(f"Bearer {shown}", "shopper 7")


def test_a_revoked_key_is_unknown(authenticator: Authenticator, keys: KeyRepository) -> None:
    made, shown = keys.create(Role.ADMIN, "me")
    keys.revoke(made.key_id)
    with pytest.raises(Unauthorized, match="revoked"):
        authenticator.authenticate(f"Bearer {shown}")
