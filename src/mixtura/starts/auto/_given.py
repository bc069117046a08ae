"""The search from given responsibilities: those of other structures, of fewer and of more components."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import RandomState

from mixtura._rows import Array, FloatArray
from mixtura.blocks import Blocks
from mixtura.covariance import CovarianceStructure
from mixtura.diagnosis import why_improper
from mixtura.em import Monitor, SufficientStatistics, expect, expectation_maximisation
from mixtura.errors import SingularCovarianceError
from mixtura.mixture import Mixture
from mixtura.starts._record import StartRecord
from mixtura.starts.auto._search import _TOL, _Optimum, _Search

#: Name of a start, and its responsibilities.
Given = tuple[str, FloatArray]

# EM iterations from each start before the best go on; how many ends that are worth something suffice, and
# how many are tried for that.
_GLIMPSE = 4
_CHOSEN = 2
_TRIED = 6

_PROPER = ("converged", "max_iter reached", "behind the best")

# Nats a row: starts nearer than this after those iterations lead to one optimum.
_ONE = 1e-7


@dataclass(frozen=True, eq=False)
class Found:
    """The best mixture of a search on its rows; `doubt` says what makes its likelihood spurious, or ''."""

    mixture: Mixture
    statistics: SufficientStatistics
    records: list[StartRecord]
    doubt: str


def search_from(
    given: Sequence[Given],
    blocks: Blocks,
    structure: CovarianceStructure,
    n_components: int,
    reg_covar: FloatArray,
    rng: RandomState,
    seed: int | None,
    most_passes: int,
    deadline: float = np.inf,
    incumbent: Mixture | None = None,
) -> Found:
    """Run EM a little from each start, to the end from the best, then merge and split while it gains.

    What is found is at least as good as `incumbent`. Unlike `search` it uses all rows, to which the responsibilities belong. Where every given start
    fails it falls back on starts of its own.

    Raises
    ------
    SingularCovarianceError
        If every descent failed.
    """
    return _SearchFrom(
        given, most_passes, blocks, structure, n_components, reg_covar, rng, seed, deadline
    ).found(incumbent)


class _SearchFrom(_Search):
    def __init__(self, given: Sequence[Given], most_passes: int, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._given, self._most_passes = given, most_passes

    def _sampled(self, blocks: Blocks) -> tuple[Array, FloatArray | None]:
        return blocks.sample(blocks.shape[0], self._rng)

    @property
    def _is_spent(self) -> bool:
        return self._n_passes >= self._most_passes or super()._is_spent

    def found(self, incumbent: Mixture | None) -> Found:
        if incumbent is not None:
            self._best = _Optimum(incumbent, expect(incumbent, self._blocks))
        n_proper = 0
        for kind, start in self._chosen()[:_TRIED]:
            self._descend(kind, self._as_it_is(start))
            n_proper += self._records[-1].ended in _PROPER
            if n_proper == _CHOSEN or self._is_spent:
                break
        if self._k > 1:
            self._climb()
            if self._best is None:
                self._own_starts()
        mixture, records = self._result()
        best = self._best or self._fallback
        assert best is not None
        return Found(mixture, best.statistics, records, self._doubt(best))

    @staticmethod
    def _as_it_is(start: Mixture) -> Callable[[], Mixture]:
        return lambda: start

    def _own_starts(self) -> None:
        for kind in ("k-means", "mahalanobis"):
            self._descend(kind, self._from_partition(kind))

    def _chosen(self) -> list[tuple[str, Mixture]]:
        """The starts that are the likeliest after a few iterations, one for each optimum."""
        glimpses = [found for kind, given in self._given if (found := self._glimpse(kind, given))]
        glimpses.sort(key=lambda found: (bool(self._doubt(found[1])), -found[1].log_likelihood))
        chosen: list[tuple[str, _Optimum]] = []
        for kind, optimum in glimpses:
            value = optimum.log_likelihood
            if all(abs(value - other.log_likelihood) > _ONE for _, other in chosen):
                chosen.append((kind, optimum))
        return [(kind, optimum.mixture) for kind, optimum in chosen]

    def _glimpse(self, kind: str, given: FloatArray) -> tuple[str, _Optimum] | None:
        monitor = Monitor(_TOL, _GLIMPSE)
        try:
            found = expectation_maximisation(
                self._from_responsibilities(given), self._blocks, self._reg_covar, monitor
            )
        except SingularCovarianceError as error:
            self._first_error = self._first_error or error
            self._record(kind, monitor, str(error))
            return None
        self._n_passes += monitor.n_passes
        return kind, _Optimum(*found)

    def _doubt(self, found: _Optimum) -> str:
        rows = found.statistics.counts * self._unit
        return why_improper(found.mixture, rows, self._reg_covar)
