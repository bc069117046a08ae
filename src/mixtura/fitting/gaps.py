"""Which features rows lack, and where in the mixture they do: what a summary says of missing values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import numpy as np

from mixtura.files import schema as must_be
from mixtura.files.schema import Check
from mixtura.mixture import Mixture, responsibilities
from mixtura.rows import ArrayBlocks, Blocks
from mixtura.support.arrays import Array, FloatArray, block_slices

# Patterns that are kept, and that are counted at most: with many features each row may have its own.
_KEPT, _MOST_COUNTED = 10, 100_000

# Standard deviations of a share, and the least difference, from which a component lacks a feature more often.
_SURE, _LEAST = 3.0, 0.1


@dataclass(frozen=True)
class Pattern:
    """Rows that lack the same features: their numbers, and how many rows there are."""

    features: tuple[int, ...]
    n_rows: int


@dataclass(frozen=True, eq=False)
class Gaps:
    """What was missing in the rows of a fit.

    Attributes
    ----------
    shares : ndarray of shape (n_components, n_features)
        Of the rows of each component, by their responsibilities and weights, the share that lacks a feature.
    overall : ndarray of shape (n_features,)
        The same of all rows with a value.
    n_patterns : int
        Different sets of missing features, that of no feature not among them.
    patterns : tuple of Pattern
        Those of most rows, the most frequent first.
    n_empty : int
        Rows without any value.
    """

    shares: FloatArray
    overall: FloatArray
    n_patterns: int
    patterns: tuple[Pattern, ...]
    n_empty: int

    @classmethod
    def of(cls, mixture: Mixture, blocks: Blocks) -> Gaps:
        """Those of some rows under a mixture: a pass over them."""
        sums = reduce(add, blocks.each(_Sums.of(mixture)))
        counts = np.where(sums.counts > 0, sums.counts, 1.0)
        ordered = sorted(sums.patterns.items(), key=lambda item: (-item[1], item[0]))
        found = [Pattern(_features(bits, mixture.n_features), n) for bits, n in ordered[:_KEPT]]
        return cls(
            sums.missing / counts[:, np.newaxis],
            sums.missing_of_all / max(sums.weight, np.finfo(float).tiny),
            len(sums.patterns),
            tuple(found),
            sums.n_empty,
        )

    @property
    def lost(self) -> FloatArray:
        """Share of the Fisher information on each mean that the gaps take, averaged over directions.

        A row with the features o brings S_oo^-1 of it, a whole one S^-1, and tr(S S_oo^-1) counts o: it is
        the share of the missing cells.
        """
        return np.asarray(self.shares.mean(axis=1))

    def differing(self, effective_rows: FloatArray) -> Iterator[tuple[int, int]]:
        """Components and features that are missing there far more or less often than in all rows."""
        s = self.overall
        for k, n in enumerate(effective_rows):
            away = np.abs(self.shares[k] - s)
            error = np.sqrt(np.maximum(s * (1 - s), 1e-12) / max(n, 1.0))
            for j in np.flatnonzero((away > _LEAST) & (away > _SURE * error)):
                yield k, int(j)

    def permuted(self, order: Array) -> Gaps:
        """The same with the components in another order."""
        return Gaps(self.shares[order], self.overall, self.n_patterns, self.patterns, self.n_empty)

    # In files

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        return {
            "shares": self.shares.tolist(),
            "overall": self.overall.tolist(),
            "n_patterns": self.n_patterns,
            "patterns": [[*one.features, one.n_rows] for one in self.patterns],
            "n_empty": self.n_empty,
        }

    @classmethod
    def from_json(cls, json: dict[str, Any] | None) -> Gaps | None:
        """What was written, once it is checked."""
        if json is None:
            return None
        patterns = tuple(Pattern(tuple(features), n) for *features, n in json["patterns"])
        shares, overall = (np.array(json[name], dtype=np.float64) for name in ("shares", "overall"))
        return cls(shares, overall, json["n_patterns"], patterns, json["n_empty"])


def check_of_gaps(n_components: int, n_features: int) -> Check:
    """What they must be in a file."""
    a_feature = must_be.list_of(must_be.number(0), n_features)
    return must_be.nullable(
        must_be.record(
            {
                "shares": must_be.list_of(a_feature, n_components),
                "overall": a_feature,
                "n_patterns": must_be.whole(),
                "patterns": must_be.list_of(must_be.list_of(must_be.whole())),
                "n_empty": must_be.whole(),
            }
        )
    )


@dataclass(frozen=True, eq=False)
class _Sums:
    """Of some rows. `+` is of the rows of both."""

    counts: FloatArray
    missing: FloatArray
    missing_of_all: FloatArray
    weight: float
    patterns: Counter[bytes]
    n_empty: int

    @staticmethod
    def of(mixture: Mixture) -> _Counting:
        """What counts the rows of a part."""
        return _Counting(mixture)

    def __add__(self, other: _Sums) -> _Sums:
        patterns = self.patterns + other.patterns
        if len(patterns) > _MOST_COUNTED:
            patterns = Counter(dict(patterns.most_common(_MOST_COUNTED)))
        return _Sums(
            self.counts + other.counts,
            self.missing + other.missing,
            self.missing_of_all + other.missing_of_all,
            self.weight + other.weight,
            patterns,
            self.n_empty + other.n_empty,
        )


@dataclass(frozen=True)
class _Counting:
    """A task for each part of the rows."""

    mixture: Mixture

    def __call__(self, part: ArrayBlocks, _: int) -> _Sums:
        K, d = self.mixture.n_components, self.mixture.n_features
        found = _Sums(np.zeros(K), np.zeros((K, d)), np.zeros(d), 0.0, Counter(), 0)
        for some in block_slices(len(part.rows), max(K, d)):
            found = found + self._of_block(part.rows[some], part.n_threads)
        return found

    def _of_block(self, rows: Any, n_threads: int) -> _Sums:
        gaps = np.isnan(rows.X)
        shares = responsibilities(
            self.mixture, rows.X, n_threads, missing=rows.missing, errors=rows.error
        )[:, : self.mixture.n_components].astype(np.float64)
        weight = np.ones(len(rows)) if rows.weight is None else rows.weight
        is_empty = gaps.all(axis=1)
        weight = np.where(is_empty, 0.0, weight)
        shares *= weight[:, np.newaxis]
        with_gaps = gaps[gaps.any(axis=1) & ~is_empty]
        bits = np.packbits(with_gaps, axis=1)
        each, counts = np.unique(bits, axis=0, return_counts=True)
        patterns = Counter({one.tobytes(): int(n) for one, n in zip(each, counts, strict=True)})
        of_gaps = gaps.astype(np.float64)
        return _Sums(
            shares.sum(axis=0),
            shares.T @ of_gaps,
            weight @ of_gaps,
            float(weight.sum()),
            patterns,
            int(is_empty.sum()),
        )


def _features(bits: bytes, n_features: int) -> tuple[int, ...]:
    mask = np.unpackbits(np.frombuffer(bits, dtype=np.uint8))[:n_features]
    return tuple(int(j) for j in np.flatnonzero(mask))


__all__ = ["Gaps", "Pattern", "check_of_gaps"]
