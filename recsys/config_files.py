"""Finds the configuration files the product ships: `configs/` of a checkout, `recsys/_configs` of a wheel.

They are seeds and defaults that a merchandiser can read; a shop passes its own file by its path.
"""

from pathlib import Path
from typing import Final

from recsys.errors import ConfigError

__all__ = ["config_path"]

_PACKAGE: Final = Path(__file__).resolve().parent
# The wheel's copy first: next to an installed package, a folder called `configs` would be somebody else's.
_FOLDERS: Final = (_PACKAGE / "_configs", _PACKAGE.parent / "configs")


def config_path(name: str, folders: tuple[Path, ...] = _FOLDERS) -> Path:
    """Return the path of the shipped file `name` (e.g. `"default.toml"`).

    Raises:
        ConfigError: no such file is shipped; the message lists those that are.
    """
    for folder in folders:
        if (found := folder / name).is_file():
            return found
    shipped = sorted({path.name for folder in folders if folder.is_dir() for path in folder.glob("*.toml")})
    known = ", ".join(shipped) or "none found, is the installation complete?"
    raise ConfigError(
        f"no configuration file {name!r} is shipped; there are: {known}. Pass your own file by its path."
    )
