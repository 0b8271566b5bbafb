"""Random numbers as a pure function of (seed, purpose, keys), so that neither order nor block size matters.

Two draws with the same seed, purpose and keys are the same number, in any process and in any block; different
purposes are independent. The mixing step is SplitMix64's (Steele, Lea, Flood: Fast splittable pseudorandom
number generators, OOPSLA 2014).
"""

import hashlib

import numpy as np
import numpy.typing as npt

__all__ = ["Draws"]

Keys = npt.NDArray[np.int64] | int
Floats = npt.NDArray[np.float64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


class Draws:
    """Counter-based randomness for one simulation."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def uniform(self, purpose: str, *keys: Keys) -> Floats:
        """One number in [0, 1) per key; several keys broadcast like numpy arrays. Scalars give shape (1,)."""
        state = np.atleast_1d(np.uint64(self._start(purpose)))
        for key in keys:
            state = _mix(state + np.atleast_1d(np.asarray(key)).astype(np.uint64) * _GOLDEN)
        return (state >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def chance(self, purpose: str, probability: Floats | float, *keys: Keys) -> npt.NDArray[np.bool_]:
        """True with the given probability, one per key."""
        return self.uniform(purpose, *keys) < probability

    def below(self, purpose: str, limit: npt.NDArray[np.int64] | int, *keys: Keys) -> npt.NDArray[np.int64]:
        """An integer in [0, limit), one per key."""
        return np.floor(self.uniform(purpose, *keys) * limit).astype(np.int64)

    def normal(self, purpose: str, *keys: Keys) -> Floats:
        """About standard normal, one per key: a logistic variable scaled to unit variance."""
        u = self.uniform(purpose, *keys)
        odds = (u + 2.0**-54) / (1.0 - u)
        return np.asarray(np.log(odds) * (np.sqrt(3.0) / np.pi), dtype=np.float64)

    def choice(self, purpose: str, shares: tuple[float, ...], *keys: Keys) -> npt.NDArray[np.int64]:
        """An index drawn in proportion to `shares`, one per key."""
        bounds = np.cumsum(shares)
        u = self.uniform(purpose, *keys) * bounds[-1]
        return np.asarray(np.searchsorted(bounds[:-1], u, side="right"), dtype=np.int64)

    def _start(self, purpose: str) -> int:
        text = f"{self.seed}/{purpose}".encode()
        return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")


def _mix(state: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    state = (state ^ (state >> np.uint64(30))) * _FIRST
    state = (state ^ (state >> np.uint64(27))) * _SECOND
    return state ^ (state >> np.uint64(31))
