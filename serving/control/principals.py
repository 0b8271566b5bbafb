"""Who is calling, and what that caller may do.

Roles are separate: a storefront's key cannot write the catalogue, a marketer's cannot promote a release;
`admin` may do everything. A browser key stands for one shopper at most, the one its signed token names.
"""

from dataclasses import dataclass
from enum import StrEnum

from serving.errors import Forbidden

__all__ = ["Principal", "Role"]


class Role(StrEnum):
    """What a key is for."""

    STOREFRONT = "storefront"
    INGEST = "ingest"
    MARKETER = "marketer"
    ENGINEER = "engineer"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """The caller of one request. `user_id` is the shopper proved by a signed token, None without one."""

    key_id: str
    role: Role
    browser: bool = False
    user_id: str | None = None

    def requires(self, *roles: Role) -> None:
        """Let pass a key of one of `roles`, and every admin.

        Raises:
            Forbidden: the key has another role; the message names both.
        """
        if self.role is not Role.ADMIN and self.role not in roles:
            wanted = " or ".join(repr(role.value) for role in roles) or repr(Role.ADMIN.value)
            raise Forbidden(
                f"this needs a key of role {wanted}; key {self.key_id!r} has role {self.role.value!r}"
            )

    def requires_server(self, what: str) -> None:
        """Refuse `what` to a key that is visible in a web page.

        Raises:
            Forbidden: this is a browser key.
        """
        if self.browser:
            raise Forbidden(
                f"a browser key may not use {what}; call from your shop's backend with a server key"
            )

    def requires_shopper(self, user_id: str | None) -> None:
        """Let a browser key speak only for the shopper of its token; None, an anonymous session, needs none.

        Raises:
            Forbidden: a browser key names another shopper, or names one without a token.
        """
        if not self.browser or user_id is None or user_id == self.user_id:
            return
        if self.user_id is None:
            raise Forbidden(
                f"a browser key names shopper {user_id!r} only with a signed X-Shopper-Token header"
            )
        raise Forbidden(f"the X-Shopper-Token is of another shopper than {user_id!r}")
