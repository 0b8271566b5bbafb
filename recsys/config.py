"""Everything a release learns with and is served with; written into its manifest and read back from it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from recsys.arrays import load_json, save_json
from recsys.errors import ReleaseIncompatible
from recsys.models.als import AlsConfig
from recsys.models.covisitation import CovisitationConfig
from recsys.models.embedding import EmbeddingConfig
from recsys.models.linked import LinkedConfig
from recsys.models.repeats import RepeatsConfig
from recsys.models.sessions import SessionsConfig
from recsys.models.tags import TagConfig
from recsys.models.trending import TrendingConfig
from recsys.ranking.blend import BlendConfig
from recsys.ranking.ranker import RankerConfig
from recsys.ranking.slots import SlotsConfig
from recsys.size import Size, with_size
from recsys.weights import Behaviour, Fading

__all__ = ["ReleaseConfig", "RetrievalConfig"]

_CANDIDATES: Final[Mapping[str, int]] = {
    "own": 60,
    "sessions": 60,
    "taste": 60,
    "together": 60,
    "linked": 60,
    "alike": 20,
    "trending": 40,
}


_LIST: Final = 20


class RetrievalConfig(BaseModel):
    """How a shopper is read, and how many candidates each source may propose."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    candidates: Mapping[str, int] = _CANDIDATES
    """Proposals by source for a list of up to 20 items; longer lists get more in proportion. A source that is not named
    keeps its default."""
    own_fading: Fading | None = None
    """How fast a shopper's own list forgets; not given, training chooses from the log's own questions."""
    seeds: int = Field(default=20, ge=1, le=200)
    """Most recent distinct items that neighbour sources start from."""
    seed_decay: float = Field(default=0.8, gt=0, le=1)
    """Weight of each seed relative to the one after it in time."""
    attribute_events: float = Field(default=2.0, ge=0)
    """Events' worth of the attributes in a taste vector."""

    def proposals(self, source: str, num: int) -> int:
        """How many items a source proposes for a list of `num`."""
        return min(self.candidates[source] * max(1, -(-num // _LIST)), 5_000)

    @field_validator("candidates")
    @classmethod
    def _of_every_source(cls, candidates: Mapping[str, int]) -> Mapping[str, int]:
        return {**_CANDIDATES, **candidates}


class ReleaseConfig(BaseModel):
    """The `[model]` table of a training configuration."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    size: Size = "medium"
    """`small`, `medium` or `large`: one dial for vectors, neighbours, candidates, trees and questions; keys that a file
    names win over it."""
    behaviour: Behaviour = Behaviour()
    als: AlsConfig = AlsConfig()
    sessions: SessionsConfig = SessionsConfig()
    linked: LinkedConfig = LinkedConfig()
    covisitation: CovisitationConfig = CovisitationConfig()
    embedding: EmbeddingConfig = EmbeddingConfig()
    trending: TrendingConfig = TrendingConfig()
    tags: TagConfig = TagConfig()
    repeats: RepeatsConfig = RepeatsConfig()
    retrieval: RetrievalConfig = RetrievalConfig()
    blend: BlendConfig = BlendConfig()
    ranker: RankerConfig = RankerConfig()
    slots: SlotsConfig = SlotsConfig()

    @model_validator(mode="before")
    @classmethod
    def _sized(cls, values: Any) -> Any:
        return with_size(values, _CANDIDATES)

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
