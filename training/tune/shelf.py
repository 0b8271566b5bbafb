"""Fitted parts of earlier trials, so that a trial fits only what it changes.

Invariants: a part is found under a digest of all it depends on; it appears whole; processes may share a shelf, and
one that loses a part to another's tidying makes it anew.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

__all__ = ["PartShelf"]

_KEPT: Final = 12
"""Parts of one name kept: the best ones' of both row sets, and what several processes use at once."""


class PartShelf:
    """A folder `<part>/<digest>/…`; hard links, so that a hit costs no bytes. See `recsys.fitting.Shelf`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hits = 0
        """How often parts were found."""

    def __call__(self, folder: Path, names: tuple[str, ...], about: str, make: Callable[[], None]) -> None:
        """Put parts into `folder`: from the shelf, else made and kept there."""
        digest = hashlib.sha256(about.encode()).hexdigest()[:24]
        kept = self.folder / names[0] / digest
        if self._taken(kept, names, folder):
            self.hits += 1
            return
        make()
        self._keep(kept, names, folder)

    def _taken(self, kept: Path, names: tuple[str, ...], folder: Path) -> bool:
        try:
            os.utime(kept)
            for name in names:
                shutil.copytree(kept / name, folder / name, copy_function=_link)
        except (FileNotFoundError, shutil.Error):
            for name in names:
                shutil.rmtree(folder / name, ignore_errors=True)
            return False
        return True

    def _keep(self, kept: Path, names: tuple[str, ...], folder: Path) -> None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".", dir=kept.parent))
        for name in names:
            shutil.copytree(folder / name, draft / name, copy_function=_link)
        try:
            draft.rename(kept)
        except OSError:  # another process was quicker
            shutil.rmtree(draft)
        self._tidy(kept.parent)

    def _tidy(self, parts: Path) -> None:
        ages = []
        for part in parts.iterdir():
            try:
                ages.append((part.stat().st_mtime, part))
            except FileNotFoundError:  # another process tidied
                continue
        for _, part in sorted(ages, reverse=True)[_KEPT:]:
            shutil.rmtree(part, ignore_errors=True)


def _link(source: str, target: str) -> None:
    """A hard link; a copy where the file system has none between the two."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
