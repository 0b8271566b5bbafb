"""The MLflow registry as a mirror: every release is a version, aliases follow what is live.

Invariants: a release id has one version; `champion` names what serving's pointer names, `challenger` the
newest version that is not it. The pointer is the truth: a registry that is away never undoes a promotion.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from training.tracking import reaching, tracking_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = ["CHALLENGER", "CHAMPION", "Registry"]

CHAMPION: Final = "champion"
CHALLENGER: Final = "challenger"
_RELEASE_TAG: Final = "release_id"
_LONGEST_TAG: Final = 5_000
"""What MLflow's tables hold; the audit file has all of it."""


class Registry:
    """Versions and aliases of one registered model."""

    def __init__(self, client: "MlflowClient", home: Path, model: str) -> None:
        self._client = client
        self._uri = tracking_uri(home)
        self._model = model

    def register(self, run_id: str, release_id: str, description: str) -> str:
        """Make the release a version of the model and return its number; a known one keeps its version."""
        with reaching(self._uri):
            self._make_model()
            known = self._version(release_id)
            if known is not None:
                return known
            version = self._client.create_model_version(
                self._model,
                source=f"runs:/{run_id}/release",
                run_id=run_id,
                tags={_RELEASE_TAG: release_id},
                description=description,
            )
            return str(version.version)

    def alias(self, name: str) -> str | None:
        """The release id an alias points at, or None."""
        with reaching(self._uri):
            aliases = self._aliases()
            if name not in aliases:
                return None
            tags: dict[str, str] = self._client.get_model_version(self._model, aliases[name]).tags
            return tags.get(_RELEASE_TAG)

    def crown(self, release_id: str, tags: Mapping[str, str] | None = None) -> bool:
        """Point `champion` at a release and tag its version; False when it was never registered here."""
        with reaching(self._uri):
            version = self._version(release_id)
            if version is None:
                return False
            self._client.set_registered_model_alias(self._model, CHAMPION, version)
            if self._aliases().get(CHALLENGER) == version:
                self._client.delete_registered_model_alias(self._model, CHALLENGER)
            for name, value in (tags or {}).items():
                self._client.set_model_version_tag(self._model, version, name, value[:_LONGEST_TAG])
            return True

    def tags(self, release_id: str) -> dict[str, str]:
        """Tags of a release's version; empty when it was never registered here."""
        with reaching(self._uri):
            version = self._version(release_id)
            if version is None:
                return {}
            return dict(self._client.get_model_version(self._model, version).tags)

    def challenge(self, release_id: str) -> None:
        """Point `challenger` at a registered release."""
        with reaching(self._uri):
            version = self._version(release_id)
            if version is not None:
                self._client.set_registered_model_alias(self._model, CHALLENGER, version)

    def _make_model(self) -> None:
        if not self._client.search_registered_models(f"name = '{self._model}'"):
            self._client.create_registered_model(self._model)

    def _version(self, release_id: str) -> str | None:
        found = self._client.search_model_versions(
            f"name = '{self._model}' and tag.{_RELEASE_TAG} = '{release_id}'"
        )
        return str(found[0].version) if found else None

    def _aliases(self) -> dict[str, str]:
        models = self._client.search_registered_models(f"name = '{self._model}'")
        return {name: str(version) for name, version in models[0].aliases.items()} if models else {}
