"""The vector index of a release: which kind of search suits its vectors is measured when it is built.

Vectors of uneven length (factor models) are searched exactly, longest first; vectors of one length go to FAISS:
inverted lists where those reach the recall target, half precision where they do not. Invariants: the answers are those
of `ExactIndex`, ties included, as far as the inverted lists that are probed reach; k items come back whenever k are
allowed. FAISS proposes, the exact inner product on the memory-mapped vectors decides; a query whose border is too close
to call, or that FAISS left short, asks again for more and at last is searched exactly.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Self

import faiss as untyped_faiss
import numpy as np
from numpy.typing import NDArray

from recsys.arrays import load_array, save_arrays
from recsys.errors import InputError, ReleaseCorrupt
from recsys.item_set import ItemSet
from recsys.retrieval.allowed import Allowed
from recsys.retrieval.by_length import ByLength
from recsys.retrieval.index import check_search, check_vectors, padded
from recsys.retrieval.index_facts import DEPTH, IndexFacts, Kind, Plan, found_share, questions_like
from recsys.retrieval.scan_kernel import scan_some

__all__ = ["FaissIndex", "use_one_thread"]

faiss: Any = untyped_faiss  # its stubs describe the C++ side, not the Python wrappers

Codes = NDArray[np.int32]
Mask = NDArray[np.bool_]
Vectors = NDArray[np.float32]
Found = tuple[Vectors, Codes]

TARGET: Final = 0.99
"""Recall@100 that an index must reach on sampled queries."""
_AIM: Final = 0.993
"""What is looked for: other queries than the sampled ones may find a little less."""
_SOON_DONE: Final = 4_000
"""Vectors compared, on average, up to which exact search is as fast as any."""
_BYTES_FROM: Final = 400_000
"""Items from which lists hold bytes: a quarter of the memory to read."""
_POINTS_PER_LIST: Final = 64
"""Vectors that k-means looks at for each list."""
_HALF_FROM: Final = 50_000
"""Items from which half precision is worth a try: fewer whole vectors stay in the cache."""
_NEARLY_ALL: Final = 0.9
"""Allowed share from which a search probes as many lists as one without a filter."""
_WIDER: Final = 2.0
"""Times the allowed items that a search behind a filter looks at, against one without: what is left may lie apart."""

_READ: Final[dict[Kind, float]] = {"flat": 1.0, "flat_fp16": 0.65, "ivf_flat": 2.0, "ivf_sq8": 1.8}
"""What comparing with one vector costs against the flat search, measured at 100,000 items: lists lie apart."""

EXACT_SHARE: Final = 0.1
"""At or under this share of allowed items each of them is compared: inverted lists lose nearly all recall behind a
selective mask (0.19 at 1 %), and the rows are few."""

SLACK: Final = 16
"""Proposals beyond k: float32 sums differ in the last digits, so neighbours in rank may swap."""
_MORE: Final = 8
"""Times the slack when a border was too close to call."""

ROUNDING: Final[dict[Kind, float]] = {
    "flat": 0.0,
    "ivf_flat": 2e-5,
    "flat_fp16": 1e-3,
    "ivf_sq8": 0.0,
}
"""Twice the bound on the rounding of a proposal's inner product, relative to the norms (d up to 160). Bytes have none
worth the name: their recall is measured, and thrice as many are proposed."""


def use_one_thread() -> None:
    """Keep FAISS on the calling thread: with more threads than free cores a 1 ms search takes 16."""
    faiss.omp_set_num_threads(1)


class FaissIndex:
    """Approximate candidates, exact order; built by `build`, memory-mapped by `load`."""

    def __init__(self, vectors: Vectors, facts: IndexFacts, engine: Any) -> None:
        self.vectors = vectors
        self.facts = facts
        self._engine = engine
        """`ByLength` where the kind is flat, else an index of FAISS."""

    @classmethod
    def build(
        cls,
        vectors: Vectors,
        *,
        kind: Kind | None = None,
        probes: int | None = None,
        target: float = TARGET,
        asked: Vectors | None = None,
        seed: int = 0,
    ) -> Self:
        """Index `vectors: float32[n, d]`, rows by item code.

        The kind, if none is given, is the one that compares least among those that reach `target`, measured on `asked:
        float32[q, d]` (by default on mixtures of items); so are the probes of inverted lists. Raises InputError for
        vectors that are no finite matrix, and where the kind and probes asked for stay below the target.
        """
        rows = check_vectors(vectors)
        judge = _Judge(rows, questions_like(rows, seed) if asked is None else asked)
        best: Self | None = None
        for index in cls._candidates(rows, judge, kind, probes, target, seed):
            if index.facts.recall >= target and (best is None or index._cost() < best._cost()):
                best = index
            if best is not None and best._cost() <= _SOON_DONE:
                break
        if best is None:
            raise InputError(
                f"the index ({kind}) over {len(rows)} items stays below its recall target of {target}; "
                "give it more probes, or let it choose its kind itself"
            )
        return best

    @classmethod
    def _candidates(
        cls, rows: Vectors, judge: "_Judge", kind: Kind | None, probes: int | None, target: float, seed: int
    ) -> Iterator[Self]:
        """What may be built, the exact one first."""
        usual: Kind = "ivf_sq8" if len(rows) >= _BYTES_FROM else "ivf_flat"
        half: tuple[Kind, ...] = ("flat_fp16",) if len(rows) >= _HALF_FROM else ()
        for each in ("flat", usual, *half) if kind is None else (kind,):
            engine: Any = judge.flat if each == "flat" else _trained(rows, each, seed)
            facts = IndexFacts(
                kind=each,
                items=len(rows),
                dimensions=rows.shape[1],
                lists=engine.nlist if each.startswith("ivf") else 0,
                target=target,
                recall=1.0,
                compared=judge.flat_compared if each == "flat" else float(len(rows)),
                longest=float(judge.flat.lengths[:1].max(initial=0.0)),
            )
            if each.startswith("ivf"):
                yield from cls._probing(rows, facts, engine, judge, probes)
            else:
                index = cls(rows, facts, engine)
                if each != "flat":
                    index.facts = replace(facts, recall=judge.recall(index))
                yield index

    @classmethod
    def _probing(
        cls, rows: Vectors, facts: IndexFacts, engine: Any, judge: "_Judge", probes: int | None
    ) -> Iterator[Self]:
        """Inverted lists with the fewest probes that find enough, or with those that were asked for."""
        per_list = facts.items / max(facts.lists, 1)
        steps = _STEPS if probes is None else (probes,)
        for count in (min(step, facts.lists) for step in steps):
            compared = facts.lists + count * per_list
            if probes is None and compared * _READ[facts.kind] > facts.items:
                return
            index = cls(rows, replace(facts, probes=count, compared=compared), engine)
            index.facts = replace(index.facts, recall=judge.recall(index))
            if probes is not None or index.facts.recall >= max(_AIM, facts.target):
                yield index
                return

    def _cost(self) -> float:
        """What a search reads, in whole vectors."""
        return self.facts.compared * _READ[self.facts.kind]

    def __len__(self) -> int:
        return len(self.vectors)

    def plan(self, k: int, mask: Mask | Allowed | None = None) -> Plan:
        """As `VectorIndex.plan`."""
        if mask is None:
            return Plan("flat" if self.facts.lists == 0 else "ivf", 1.0)
        allowed = Allowed.of(mask)
        few = self.facts.compared
        if self.facts.kind != "flat":
            # Lists that need many probes would be read almost whole behind a filter.
            few = max(EXACT_SHARE * len(self), few if self.facts.lists else 0.0)
        if len(allowed) <= max(k + SLACK, few):
            return Plan("exact", allowed.share)
        return Plan("flat" if self.facts.lists == 0 else "ivf", allowed.share)

    def search(self, queries: Vectors, k: int, mask: Mask | Allowed | None = None) -> tuple[Vectors, Codes]:
        """As `VectorIndex.search`."""
        check_search(self.vectors, queries, k, mask)
        allowed = None if mask is None else Allowed.of(mask)
        exact = self.plan(k, allowed).search == "exact"
        one = self._exact if exact else self._flat if self.facts.kind == "flat" else self._proposed
        return padded([one(query, k, allowed) for query in np.ascontiguousarray(queries)], k)

    def _flat(self, query: Vectors, k: int, allowed: Allowed | None) -> Found:
        found: Found = self._engine.search(query, k, allowed)
        return found

    def _exact(self, query: Vectors, k: int, allowed: Allowed | None) -> Found:
        """Compare with each allowed item."""
        if allowed is None:
            return scan_some(self.vectors, np.arange(len(self), dtype=np.int32), _NONE, query, k)
        return scan_some(self.vectors, allowed.pool.codes, allowed.hidden, query, k)

    def _proposed(self, query: Vectors, k: int, allowed: Allowed | None) -> Found:
        """Order what FAISS proposes; for more of it, then for all, where the border is too close to call."""
        margin = ROUNDING[self.facts.kind] * self.facts.longest * float(np.linalg.norm(query))
        for slack in (SLACK, SLACK * _MORE):
            most = k + slack if self.facts.kind != "ivf_sq8" else 3 * k + slack
            proposals = self._propose(query, most, allowed)
            scores, codes = scan_some(self.vectors, proposals, _NONE, query, len(proposals))
            short = len(codes) < k
            sure = not short and (
                self.facts.kind == "ivf_sq8" or len(codes) < most or scores[-1] < scores[k - 1] - margin
            )
            if sure:
                return scores[:k], codes[:k]
            if short:
                break
        return self._exact(query, k, allowed)

    def _propose(self, query: Vectors, most: int, allowed: Allowed | None) -> Codes:
        """Codes that FAISS finds best, at most `most`, in any order."""
        asked = query[None, :]
        if allowed is None or (allowed.pool.count == len(self) and len(allowed.hidden) <= most):
            hidden = 0 if allowed is None else len(allowed.hidden)
            _, codes = self._engine.search(asked, most + hidden, params=self._parameters(None))
            found: Codes = codes[0][codes[0] >= 0].astype(np.int32)
            return found if allowed is None or not hidden else found[allowed.test(found)]
        selector = self._selector(allowed)
        if self.facts.lists == 0 or allowed.share >= _NEARLY_ALL:
            _, codes = self._engine.search(asked, most, params=self._parameters(selector))
        else:
            _, codes = self._engine.search(asked, most, params=self._reaching(query, allowed.pool, selector))
        proposals: Codes = codes[0][codes[0] >= 0].astype(np.int32)
        return proposals

    def _parameters(self, selector: Any) -> Any:
        if self.facts.lists == 0:
            return faiss.SearchParameters(sel=selector)
        return faiss.SearchParametersIVF(sel=selector, nprobe=self.facts.probes)

    def _selector(self, allowed: Allowed) -> Any:
        """The allowed items as FAISS reads them; kept with the set while nothing is hidden."""
        if len(allowed.hidden):
            return faiss.IDSelectorBitmap(allowed.bits())
        held = allowed.pool.memo.get("selector")
        if held is None:
            held = allowed.pool.memo["selector"] = faiss.IDSelectorBitmap(allowed.bits())
        return held

    def _reaching(self, query: Vectors, pool: ItemSet, selector: Any) -> Any:
        """Parameters for the nearest lists that hold as many allowed items as a search without a filter looks at.

        A filter that leaves the shopper's corner of the space out moves on to the nearest lists that have any.
        """
        memo = pool.memo.get(self)
        if memo is None:
            held = np.bincount(self._list_of[pool.flags], minlength=self.facts.lists)
            some = faiss.SearchParameters(
                sel=faiss.IDSelectorBitmap(np.packbits(held > 0, bitorder="little"))
            )
            memo = pool.memo[self] = held, np.flatnonzero(held), some
        held, numbers, some = memo
        order = numbers[np.argsort(-(self._centres[numbers] @ query))]
        enough = _WIDER * self.facts.probes * len(self) / self.facts.lists
        count = int(np.searchsorted(np.cumsum(held[order]), enough)) + 1
        count = min(max(count, self.facts.probes), len(numbers))
        return faiss.SearchParametersIVF(sel=selector, nprobe=count, quantizer_params=some)

    @cached_property
    def _centres(self) -> Vectors:
        centres: Vectors = self._engine.quantizer.reconstruct_n(0, self.facts.lists)
        return centres

    @cached_property
    def _list_of(self) -> Codes:
        """int32[n]: the inverted list of each item."""
        lists, owner = self._engine.invlists, np.zeros(len(self), np.int32)
        for number in range(self.facts.lists):
            size = lists.list_size(number)
            if size:
                owner[faiss.rev_swig_ptr(lists.get_ids(number), size)] = number
        return owner

    def save(self, folder: Path) -> None:
        """Write the vectors, the facts and what is searched into `folder`."""
        save_arrays(folder, vectors=self.vectors)
        self.facts.save(folder)
        if self.facts.kind == "flat":
            self._engine.save(folder)
        else:
            faiss.write_index(self._engine, str(folder / "index.faiss"))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Map an index from `folder`; raises ReleaseCorrupt when it cannot be read.

        A folder without facts was written when every index was compared with as a whole: it is put in order anew.
        """
        vectors = load_array(folder, "vectors")
        if not (folder / "facts.json").exists() and (folder / "index.faiss").exists():
            return cls.build(vectors, kind="flat")
        facts = IndexFacts.load(folder)
        if vectors.shape != (facts.items, facts.dimensions):
            raise ReleaseCorrupt(f"the index in {folder.name!r} does not fit its vectors")
        if facts.kind == "flat":
            return cls(vectors, facts, ByLength.load(folder, vectors.shape))
        try:
            engine = faiss.read_index(str(folder / "index.faiss"), faiss.IO_FLAG_MMAP_IFC)
        except RuntimeError as error:
            raise ReleaseCorrupt(f"'index.faiss' in {folder.name!r} cannot be read") from error
        if (engine.ntotal, engine.d) != vectors.shape:
            raise ReleaseCorrupt(f"'index.faiss' in {folder.name!r} does not fit its vectors")
        return cls(vectors, facts, engine)


_NONE: Final = np.empty(0, np.int32)
_STEPS: Final = (4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)


class _Judge:
    """The exact answers to sampled queries."""

    def __init__(self, rows: Vectors, asked: Vectors) -> None:
        self.flat = ByLength.of(rows)
        self._asked = np.ascontiguousarray(asked, np.float32)
        self._k = min(DEPTH, len(rows))
        self._best = [self.flat.search(query, self._k)[0] for query in self._asked]

    @property
    def flat_compared(self) -> float:
        """Vectors that exact search by length looks at."""
        return sum(self.flat.compared(query, self._k) for query in self._asked) / max(len(self._asked), 1)

    def recall(self, index: FaissIndex) -> float:
        """Share of the exact lists that an index finds."""
        if not len(self._asked) or not self._k:
            return 1.0
        scores, _ = index.search(self._asked, self._k)
        return found_share(list(scores), self._best)


def _trained(rows: Vectors, kind: Kind, seed: int) -> Any:
    """An index of FAISS over all rows."""
    count, size = rows.shape
    quantizer, product = faiss.ScalarQuantizer, faiss.METRIC_INNER_PRODUCT
    if kind == "flat_fp16":
        index = faiss.IndexScalarQuantizer(size, quantizer.QT_fp16, product)
    else:
        lists = max(1, min(count, math.ceil(2 * math.sqrt(count))))
        centres = faiss.IndexFlatIP(size)
        if kind == "ivf_flat":
            index = faiss.IndexIVFFlat(centres, size, lists, product)
        else:
            index = faiss.IndexIVFScalarQuantizer(centres, size, lists, quantizer.QT_8bit, product, True)
        index.cp.seed = seed
        index.cp.min_points_per_centroid = 1
        index.cp.max_points_per_centroid = _POINTS_PER_LIST
    if count:
        index.train(rows)
        index.add(rows)
    return index
