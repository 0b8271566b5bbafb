"""Everything a release learns with and is served with; written into its manifest and read back from it."""

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from recsys.arrays import load_json, save_json
from recsys.errors import ReleaseIncompatible
from recsys.models.als import AlsConfig
from recsys.models.covisitation import CovisitationConfig
from recsys.models.embedding import EmbeddingConfig
from recsys.models.tags import TagConfig
from recsys.models.trending import TrendingConfig
from recsys.ranking.blend import BlendConfig
from recsys.weights import Behaviour

__all__ = ["ReleaseConfig", "RetrievalConfig"]


class RetrievalConfig(BaseModel):
    """How a shopper is read, and how many candidates each source may propose."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    candidates: int = Field(default=200, ge=1, le=5_000)
    """Per source."""
    seeds: int = Field(default=10, ge=1, le=200)
    """Most recent distinct items that neighbour sources start from."""
    seed_decay: float = Field(default=0.8, gt=0, le=1)
    """Weight of each seed relative to the one after it in time."""
    attribute_events: float = Field(default=2.0, ge=0)
    """Events' worth of the attributes in a taste vector."""


class ReleaseConfig(BaseModel):
    """The `[model]` table of a training configuration."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    behaviour: Behaviour = Behaviour()
    als: AlsConfig = AlsConfig()
    covisitation: CovisitationConfig = CovisitationConfig()
    embedding: EmbeddingConfig = EmbeddingConfig()
    trending: TrendingConfig = TrendingConfig()
    tags: TagConfig = TagConfig()
    retrieval: RetrievalConfig = RetrievalConfig()
    blend: BlendConfig = BlendConfig()

    def save(self, folder: Path) -> None:
        """Write `config.json`."""
        save_json(folder, "config", self.model_dump(mode="json"))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote; ReleaseIncompatible when it was written with other parameters than today's."""
        try:
            return cls.model_validate(load_json(folder, "config"))
        except ValidationError as error:
            names = ", ".join(".".join(map(str, wrong["loc"])) for wrong in error.errors())
            raise ReleaseIncompatible(
                f"release {folder.name!r} was written with other parameters ({names}); train again: recsys train"
            ) from None
