"""The secret that signs shopper tokens: from the environment, else generated once into the home folder.

Invariant: the file is readable by its owner alone (mode 600) from the moment it exists.
"""

import json
import os
import secrets
import stat
from pathlib import Path
from typing import Final

from recsys.errors import ConfigError
from serving.settings import SHORTEST_SECRET, Settings

__all__ = ["shopper_secret"]

_NAME: Final = "shopper_secret"


def shopper_secret(settings: Settings) -> str:
    """Return RECSYS_SHOPPER_SECRET, else the one in `secrets.json`, made now if there is none.

    Raises:
        ConfigError: the file is open to others, or is not what this product wrote.
    """
    if settings.shopper_secret is not None:
        return settings.shopper_secret.get_secret_value()
    path = settings.secrets_file
    if not path.exists():
        _generate(path)
    return _read(path)


def _generate(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = json.dumps({_NAME: secrets.token_hex(32)}).encode()
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        # A link fails where a rename would overwrite: of two processes that start at once, the first wins.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _read(path: Path) -> str:
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise ConfigError(f"{path} can be read by others; run: chmod 600 {path}")
    try:
        secret = str(json.loads(path.read_text(encoding="utf-8"))[_NAME])
    except (ValueError, KeyError, TypeError):
        secret = ""
    if len(secret) < SHORTEST_SECRET:
        raise ConfigError(
            f"{path} holds no {_NAME!r} of {SHORTEST_SECRET} characters; restore it, or remove it to have "
            "a new one made (tokens signed so far then end)"
        )
    return secret
