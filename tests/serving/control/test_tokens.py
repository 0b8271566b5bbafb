"""Shopper tokens: what a shop's backend signs verifies, anything else does not."""

import base64
import hashlib
import hmac
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.errors import InputError
from serving.control import tokens
from serving.control.tokens import MAX_LIFETIME_MS, sign_shopper_token, verify_shopper_token
from serving.errors import Unauthorized

SECRET = "0123456789abcdef" * 2
NOW = 1_767_225_600_000
HOUR = 3_600_000

printable = st.text(min_size=1, max_size=128).filter(str.isprintable)


@given(user_id=printable, ttl=st.integers(1, MAX_LIFETIME_MS))
def test_a_signed_token_names_its_shopper(user_id: str, ttl: int) -> None:
    assert verify_shopper_token(sign_shopper_token(user_id, NOW + ttl, SECRET), NOW, SECRET) == user_id


def test_the_documented_format_is_what_is_signed() -> None:
    payload = f"v1.{base64.urlsafe_b64encode('买家/7'.encode()).decode().rstrip('=')}.{NOW + HOUR}"
    signature = hmac.new(SECRET.encode(), payload.encode(), hashlib.sha256).hexdigest()
    assert sign_shopper_token("买家/7", NOW + HOUR, SECRET) == f"{payload}.{signature}"


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl")
def test_the_recipe_for_a_shops_backend_works_as_documented() -> None:
    lines = str(tokens.__doc__).splitlines()
    recipe = "\n".join(line.strip() for line in lines if line.strip().startswith(("p=", "echo ")))
    environment = {"USER_ID": "买家/7?~", "RECSYS_SHOPPER_SECRET": SECRET, "PATH": "/usr/bin:/bin"}
    done = subprocess.run(["bash", "-c", recipe], env=environment, capture_output=True, text=True, check=True)
    token = done.stdout.strip()
    expires_at = int(token.split(".")[2])
    assert verify_shopper_token(token, expires_at - HOUR, SECRET) == "买家/7?~"


@given(position=st.integers(0, 150), flip=st.integers(1, 127))
def test_a_token_with_one_changed_character_is_refused(position: int, flip: int) -> None:
    token = sign_shopper_token("shopper-7", NOW + HOUR, SECRET)
    position %= len(token)
    forged = token[:position] + chr(ord(token[position]) ^ flip) + token[position + 1 :]
    with pytest.raises(Unauthorized):
        verify_shopper_token(forged, NOW, SECRET)


@given(st.text(max_size=300))
def test_no_text_at_all_crashes_the_verification(text: str) -> None:
    with pytest.raises(Unauthorized):
        verify_shopper_token(text, NOW, SECRET)


def test_a_token_holds_until_its_expiry_and_not_at_it() -> None:
    token = sign_shopper_token("u", NOW, SECRET)
    assert verify_shopper_token(token, NOW - 1, SECRET) == "u"
    with pytest.raises(Unauthorized, match="expired 0 s ago"):
        verify_shopper_token(token, NOW, SECRET)


def test_an_expiry_in_seconds_is_recognised_as_that_mistake() -> None:
    token = sign_shopper_token("u", (NOW + HOUR) // 1000, SECRET)
    with pytest.raises(Unauthorized, match="not seconds"):
        verify_shopper_token(token, NOW, SECRET)


def test_a_token_for_longer_than_30_days_is_refused() -> None:
    token = sign_shopper_token("u", NOW + MAX_LIFETIME_MS + 1, SECRET)
    with pytest.raises(Unauthorized, match="30 days"):
        verify_shopper_token(token, NOW, SECRET)


def test_a_token_of_another_installation_is_refused_without_naming_the_secret() -> None:
    token = sign_shopper_token("u", NOW + HOUR, "another secret, also long enough.")
    with pytest.raises(Unauthorized, match="RECSYS_SHOPPER_SECRET") as refusal:
        verify_shopper_token(token, NOW, SECRET)
    assert SECRET not in str(refusal.value)


@pytest.mark.parametrize("user_id", ["", "x" * 129, "line\nbreak"])
def test_an_id_that_is_no_id_is_not_signed(user_id: str) -> None:
    with pytest.raises(InputError, match="1-128"):
        sign_shopper_token(user_id, NOW, SECRET)
