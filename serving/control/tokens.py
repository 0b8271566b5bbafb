"""Shopper tokens: how a browser proves which shopper it stands for.

The shop's backend signs, this service verifies; both know RECSYS_SHOPPER_SECRET. The format is

    v1.<base64url(user_id), no padding>.<expiry in ms since the epoch>.<hex HMAC-SHA256 of all before it>

which is one line in a shop's backend, here with openssl:

    p="v1.$(printf %s "$USER_ID" | basenc --base64url | tr -d '=\\n').$(( ($(date +%s) + 3600) * 1000 ))"
    echo "$p.$(printf %s "$p" | openssl dgst -sha256 -hmac "$RECSYS_SHOPPER_SECRET" -r | cut -c1-64)"

A token lives at most 30 days, so that a leaked one dies, and an expiry in microseconds is noticed.
"""

import base64
import binascii
import hashlib
import hmac
from typing import Final

from recsys.errors import InputError
from serving.errors import Unauthorized

__all__ = ["MAX_LIFETIME_MS", "sign_shopper_token", "verify_shopper_token"]

MAX_LIFETIME_MS: Final = 30 * 24 * 3600 * 1000
_VERSION: Final = "v1"
_LONGEST: Final = 1024


def sign_shopper_token(user_id: str, expires_at: int, secret: str) -> str:
    """Return the token with which a browser key may name `user_id` until `expires_at` (ms since the epoch).

    Raises:
        InputError: the id is empty or not 1-128 printable characters.
    """
    if not 1 <= len(user_id) <= 128 or not user_id.isprintable():
        raise InputError(f"user_id {user_id!r} is not 1-128 printable characters")
    encoded = base64.urlsafe_b64encode(user_id.encode()).rstrip(b"=").decode()
    payload = f"{_VERSION}.{encoded}.{expires_at}"
    return f"{payload}.{_signature(payload, secret)}"


def verify_shopper_token(token: str, now: int, secret: str) -> str:
    """Return the user id of a token that holds at `now` (ms since the epoch).

    Raises:
        Unauthorized: malformed, signed with another secret, expired, or valid for longer than 30 days.
    """
    payload, _, signature = token.rpartition(".")
    parts = payload.split(".")
    if len(token) > _LONGEST or len(parts) != 3 or parts[0] != _VERSION:
        raise Unauthorized("the X-Shopper-Token is malformed; expected v1.<user id>.<expiry>.<signature>")
    # Bytes, because compare_digest refuses text outside ASCII.
    if not hmac.compare_digest(signature.encode(), _signature(payload, secret).encode()):
        raise Unauthorized("the X-Shopper-Token is not signed with this service's RECSYS_SHOPPER_SECRET")
    _check_expiry(_expiry(parts[2]), now)
    return _user_id(parts[1])


def _signature(payload: str, secret: str) -> str:
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


def _expiry(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise Unauthorized(f"the X-Shopper-Token has no readable expiry: {text!r}; write ms since the epoch")
    return int(text)


def _check_expiry(expires_at: int, now: int) -> None:
    if expires_at <= now:
        ago = (now - expires_at) // 1000
        # Seconds where milliseconds are meant look like 1970.
        hint = "; write milliseconds since the epoch, not seconds" if expires_at * 1000 > now else ""
        raise Unauthorized(f"the X-Shopper-Token expired {ago} s ago, sign a new one{hint}")
    if expires_at - now > MAX_LIFETIME_MS:
        raise Unauthorized(
            "the X-Shopper-Token is valid for longer than 30 days; sign one that expires sooner"
        )


def _user_id(encoded: str) -> str:
    try:
        return base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise Unauthorized("the X-Shopper-Token has a user id that is not base64url of UTF-8") from None
