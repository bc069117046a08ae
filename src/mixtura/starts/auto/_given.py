"""The search from given responsibilities: those of other structures, of fewer and of more components."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import cycle

import numpy as np

from mixtura._rows import Array, FloatArray
from mixtura.blocks import Blocks
from mixtura.covariance import CovarianceStructure
from mixtura.diagnosis import why_improper
from mixtura.em import Monitor, SufficientStatistics, expect, expectation_maximisation
from mixtura.errors import SingularCovarianceError
from mixtura.mixture import Mixture
from mixtura.starts._record import StartRecord
from mixtura.starts.auto._search import _MAX_ITER, _TOL, _Optimum, _Search

#: Name of a start, and its responsibilities.
Given = tuple[str, FloatArray]

# After the first M-step so many starts go on, and after some more iterations so many of those, unless their
# ends are worth nothing.
_FIRST = 6
_GLIMPSE = 2
_CHOSEN = 1

_WAYS = ("shaken", "seeds")

# Where EM leads to spurious maxima from all that is given: other partitions.
_OTHERS = ("k-means", "seeds") * 5

# The best is left alone when so many ways out of it have led back.
_RETURNS = 2

# E-steps of a search of its own.
_OWN_PASSES = 1000

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


@dataclass(frozen=True)
class Budget:
    """E-steps that a search from given starts may take.

    moving: before it makes no further moves. shaking: on ways out of the best. own: on a search of its own.
    """

    moving: int
    shaking: int = 0
    own: int = 0


def search_from(
    given: Sequence[Given],
    blocks: Blocks,
    structure: CovarianceStructure,
    n_components: int,
    reg_covar: FloatArray,
    seed: int,
    budget: Budget,
    deadline: float = np.inf,
    incumbent: Mixture | None = None,
    n_certain: int = 0,
) -> Found:
    """Run EM to the end from the first `n_certain` starts and the best of the others, then merge and split.

    What is found is at least as good as `incumbent`. Unlike `search` it uses all rows, to which the
    responsibilities belong. With a budget for it, and where every given start fails, it goes on as `search`.

    Raises
    ------
    SingularCovarianceError
        If every descent failed.
    """
    return _SearchFrom(
        given, budget, blocks, structure, n_components, reg_covar, seed, deadline
    ).found(incumbent, n_certain)


class _SearchFrom(_Search):
    def __init__(self, given: Sequence[Given], budget: Budget, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._given, self._budget, self._most_passes = given, budget, budget.moving

    def _sampled(self, blocks: Blocks) -> tuple[Array, FloatArray | None]:
        return blocks.sample(blocks.shape[0], self._rng)

    @property
    def _is_spent(self) -> bool:
        return self._n_passes >= self._most_passes or super()._is_spent

    def found(self, incumbent: Mixture | None, n_certain: int) -> Found:
        if incumbent is not None:
            self._best = _Optimum(incumbent, expect(incumbent, self._blocks))
        begun = self._best
        for kind, given in self._given[:n_certain]:
            self._descend(kind, partial(self._from_responsibilities, given))
        n_proper = 0
        for kind, start in self._chosen(self._given[n_certain:]):
            self._descend(kind, self._as_it_is(start))
            n_proper += self._records[-1].ended in _PROPER
            if n_proper == _CHOSEN:
                break
        if self._k > 1:
            if self._best is not begun or self._budget.shaking:
                self._climb()
            self._shake()
            if self._best is None or self._budget.own:
                self._own_search(self._budget.own or _OWN_PASSES)
        if self._best is None:
            self._fallback = self._proper_on_the_way() or self._fallback
        mixture, records = self._result()
        best = self._best or self._fallback
        assert best is not None
        return Found(mixture, best.statistics, records, self._doubt(best))

    def _proper_on_the_way(self) -> _Optimum | None:
        """The likeliest mixture before EM's way from a start turned to a spurious maximum.

        Where every way leads to one, it is what there is to say about the rows.
        """
        given = (self._begun(kind, array) for kind, array in self._given)
        found = [self._before_doubt(start) for start in given if start is not None]
        for kind in _OTHERS:
            if any(found):
                break
            with suppress(SingularCovarianceError):
                found.append(self._before_doubt(self._start(kind)()))
        proper = [optimum for optimum in found if optimum is not None]
        return max(proper, key=lambda optimum: optimum.log_likelihood, default=None)

    def _before_doubt(self, start: Mixture) -> _Optimum | None:
        if self._is_doubtful(start):
            return None
        monitor = _BeforeDoubt(start, self._is_doubtful)
        expectation_maximisation(start, self._blocks, self._reg_covar, monitor)
        return _Optimum(monitor.last, expect(monitor.last, self._blocks))

    @staticmethod
    def _as_it_is(start: Mixture) -> Callable[[], Mixture]:
        return lambda: start

    def _shake(self) -> None:
        """Spend the budget for it on ways out of the best."""
        kinds = cycle(_WAYS)
        self._most_passes = self._n_passes + self._budget.shaking
        while self._best is not None and not self._is_spent:
            if self._found_from.count("shaken") >= _RETURNS:
                return
            kind = next(kinds)
            if self._descend(kind, self._start(kind)):
                self._climb()

    def _is_worth_mending(self, found: _Optimum) -> bool:
        """Not where it is worse than the best even with what is spurious about it; other starts are many."""
        return self._best is None or found.log_likelihood > self._best.log_likelihood

    def _own_search(self, n_passes: int) -> None:
        """What `search` does."""
        self._most_passes = self._n_passes + n_passes
        self.run()

    def _chosen(self, given: Sequence[Given]) -> list[tuple[str, Mixture]]:
        """The starts that are the likeliest after a few iterations, one for each optimum."""
        begun = [
            (kind, start)
            for kind, array in _distinct(given)
            if (start := self._begun(kind, array)) is not None
        ]
        if len(begun) > _FIRST:
            glimpsed = self._ranked(begun, 0)
            begun = [(kind, optimum.mixture) for kind, optimum in glimpsed[:_FIRST]]
        return [(kind, optimum.mixture) for kind, optimum in self._ranked(begun, _GLIMPSE)]

    def _begun(self, kind: str, given: FloatArray) -> Mixture | None:
        try:
            return self._from_responsibilities(given)
        except SingularCovarianceError as error:
            self._first_error = self._first_error or error
            self._record(kind, Monitor(_TOL, 0), str(error))
            return None

    def _ranked(self, starts: list[tuple[str, Mixture]], n_iter: int) -> list[tuple[str, _Optimum]]:
        """Where they are after some iterations, the likeliest first, doubtful ones last."""
        glimpses = []
        for kind, start in starts:
            monitor = Monitor(_TOL, n_iter)
            found = expectation_maximisation(start, self._blocks, self._reg_covar, monitor)
            self._n_passes += monitor.n_passes
            glimpses.append((kind, _Optimum(*found)))
        # After no iteration nothing is spurious yet.
        ranks = [
            (bool(n_iter) and bool(self._doubt(found)), -found.log_likelihood)
            for _, found in glimpses
        ]
        glimpses = [glimpses[i] for i in sorted(range(len(ranks)), key=ranks.__getitem__)]
        kept: list[tuple[str, _Optimum]] = []
        for kind, optimum in glimpses:
            if all(abs(optimum.log_likelihood - other.log_likelihood) > _ONE for _, other in kept):
                kept.append((kind, optimum))
        return kept

    def _is_doubtful(self, mixture: Mixture) -> bool:
        rows = mixture.weights * self._n_effective  # of the E-step before
        return bool(why_improper(mixture, rows, self._reg_covar, self._blocks))

    def _doubt(self, found: _Optimum) -> str:
        rows = found.statistics.counts * self._unit
        return why_improper(found.mixture, rows, self._reg_covar, self._blocks)


class _BeforeDoubt(Monitor):
    """Ends EM at the first doubtful mixture, and keeps the one before."""

    heard = (1, 1)

    def __init__(self, start: Mixture, is_doubtful: Callable[[Mixture], bool]) -> None:
        super().__init__(_TOL, _MAX_ITER)
        self.last, self._is_doubtful = start, is_doubtful

    def hear(self, mixture: Mixture) -> str:
        if self._is_doubtful(mixture):
            return "doubtful"
        self.last = mixture
        return ""


def _distinct(given: Sequence[Given]) -> list[Given]:
    """One start of those that give every row to the same component, however numbered."""
    kept: dict[bytes, Given] = {}
    for start in given:
        labels = start[1].argmax(axis=1)
        # Numbered in the order in which they first appear; those without rows do not matter.
        first = (labels == np.arange(start[1].shape[1])[:, np.newaxis]).argmax(axis=1)
        kept.setdefault(first[labels].tobytes(), start)
    return list(kept.values())
