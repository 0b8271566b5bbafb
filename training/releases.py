"""Release folders of this machine: where fitted models are kept, and which of them is live.

`releases/<id>/` may go live; `twins/<id>/` is the same configuration fitted on what precedes the test window,
for honest comparisons later. Invariants: a folder appears whole and under its own id; `live.json` repeats the
online store's pointer, so that a machine without Redis still knows what to serve.
"""

import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Final

from feature_store.online.contract import Pointer
from recsys.arrays import load_json, save_json
from recsys.errors import ReleaseError
from recsys.release import Manifest, annotate, read_manifest, verify
from training.errors import UnknownReleaseError

__all__ = ["Releases"]

_LIVE: Final = "live"
_SCRATCH: Final = ".fitting-"
_FORGOTTEN_S: Final = 86_400


class Releases:
    """The folders under `home`."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "releases"
        self.twins = home / "twins"

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """An empty folder on the same disk, gone afterwards unless it was kept."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._sweep()
        folder = Path(tempfile.mkdtemp(prefix=_SCRATCH, dir=self.folder))
        # mkdtemp shuts others out, but the API may run as another user of the same group.
        folder.chmod(0o755)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def keep(self, sealed: Path) -> Path:
        """Move a sealed folder to its place; an equal release already there takes over its figures only."""
        manifest = read_manifest(sealed)
        target = self.folder / manifest.release_id
        if _intact(target):
            annotate(target, metrics=manifest.metrics, slices=manifest.slices)
        else:
            shutil.rmtree(target, ignore_errors=True)
            sealed.rename(target)
        return target

    def keep_twin(self, sealed: Path, release_id: str) -> Path:
        """Move the sealed phase-one folder of a release to its place."""
        target = self.twins / release_id
        shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        sealed.rename(target)
        return target

    def find(self, release_id: str) -> Path:
        """The folder of a release; raises UnknownReleaseError naming those there are."""
        folder = self.folder / release_id
        if release_id not in self.known():
            known = ", ".join(self.known()) or "none yet; run: recsys train"
            raise UnknownReleaseError(f"no release {release_id!r} on this machine; there are: {known}")
        return folder

    def known(self) -> list[str]:
        """Ids of the releases here, oldest first."""
        return [manifest.release_id for manifest in sorted(self._manifests(), key=lambda m: m.created_at)]

    def knowledge(self, folder: Path) -> Mapping[str, object]:
        """What the manifest of a release or a twin says about its data; empty when there is none."""
        try:
            return read_manifest(folder).data
        except ReleaseError:
            return {}

    def pointer(self) -> Pointer | None:
        """What `live.json` says."""
        try:
            value = load_json(self.folder, _LIVE)
            return Pointer(str(value["release_id"]), value["previous"], int(value["at"]))
        except (ReleaseError, KeyError, TypeError, ValueError):
            return None

    def point(self, pointer: Pointer) -> None:
        """Write `live.json`."""
        save_json(self.folder, _LIVE, asdict(pointer))

    def _sweep(self) -> None:
        """Remove what a killed run left behind; a run of today may still be at work."""
        for left in self.folder.glob(f"{_SCRATCH}*"):
            if time.time() - left.stat().st_mtime > _FORGOTTEN_S:
                shutil.rmtree(left, ignore_errors=True)

    def _manifests(self) -> Iterator[Manifest]:
        for folder in self.folder.iterdir() if self.folder.is_dir() else ():
            if not folder.name.startswith("."):
                try:
                    manifest = read_manifest(folder)
                except ReleaseError:
                    continue
                if manifest.release_id == folder.name:
                    yield manifest


def _intact(folder: Path) -> bool:
    try:
        return verify(folder).release_id == folder.name
    except ReleaseError:
        return False
