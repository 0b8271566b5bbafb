"""Roles and browser keys: the whole matrix of who may do what."""

import pytest

from serving.control.principals import Principal, Role
from serving.errors import Forbidden


@pytest.mark.parametrize("held", Role)
@pytest.mark.parametrize("wanted", Role)
def test_a_role_passes_where_it_is_wanted_and_admin_everywhere(held: Role, wanted: Role) -> None:
    principal = Principal(key_id="k", role=held)
    if held in (wanted, Role.ADMIN):
        principal.requires(wanted)
    else:
        with pytest.raises(Forbidden, match=f"'{wanted.value}'.*'{held.value}'"):
            principal.requires(wanted)


def test_one_of_several_roles_is_enough_and_none_means_admin() -> None:
    engineer = Principal(key_id="k", role=Role.ENGINEER)
    engineer.requires(Role.MARKETER, Role.ENGINEER)
    with pytest.raises(Forbidden, match="'admin'"):
        engineer.requires()
    Principal(key_id="k", role=Role.ADMIN).requires()


@pytest.mark.parametrize(
    ("browser", "token_of", "named", "passes"),
    [
        (False, None, "u1", True),
        (False, None, None, True),
        (True, None, None, True),
        (True, "u1", None, True),
        (True, "u1", "u1", True),
        (True, "u1", "u2", False),
        (True, None, "u1", False),
    ],
)
def test_a_browser_key_names_only_the_shopper_of_its_token(
    browser: bool, token_of: str | None, named: str | None, passes: bool
) -> None:
    principal = Principal(key_id="k", role=Role.STOREFRONT, browser=browser, user_id=token_of)
    if passes:
        principal.requires_shopper(named)
    else:
        with pytest.raises(Forbidden, match=r"'u[12]'|X-Shopper-Token"):
            principal.requires_shopper(named)


def test_what_a_browser_may_not_use_is_named() -> None:
    Principal(key_id="k", role=Role.STOREFRONT).requires_server("explain")
    with pytest.raises(Forbidden, match="may not use explain"):
        Principal(key_id="k", role=Role.STOREFRONT, browser=True).requires_server("explain")
