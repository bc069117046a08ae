"""The search: cheap starts of different kinds, the best of them improved until nothing improves it.

1.  Two partitions by hard EM, one in units of the features' spread within clusters, one in the Mahalanobis
    metric, and EM from each.
2.  From the better one merge-and-split moves, while they gain.
3.  Further starts, and the best one shaken, until the best optimum has been found from several sides or the
    budget is spent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle
from time import monotonic

import numpy as np
from numpy.random import PCG64, RandomState

from mixtura._rows import Array, FloatArray
from mixtura.blocks import Blocks, in_memory
from mixtura.covariance import CovarianceStructure
from mixtura.diagnosis import rows_needed, why_improper
from mixtura.em import Monitor, SufficientStatistics, expectation_maximisation
from mixtura.errors import SingularCovarianceError
from mixtura.mixture import Mixture, responsibilities
from mixtura.starts._given import ArrayResponsibilities, LabelResponsibilities, mixture_of
from mixtura.starts._record import StartRecord
from mixtura.starts.auto._moves import Move, apply, disjoint, moves, refined
from mixtura.starts.auto._partitions import partition
from mixtura.starts.auto._shake import leave_one_out, perturbed

# Rows that the search sees: enough for a component of weight 0.01 and for 25 rows a feature and component.
_ROWS = 10_000
_ROWS_PER_PARAMETER = 25

# Nats a row: optima nearer than this are one; EM in the search ends at this change.
_SAME = 5e-5
_TOL = 2e-6
_MAX_ITER = 150

# EM iterations after which a descent that cannot catch up with the best is given up.
_GLANCE = 40

# What a search may spend: densities of one feature (one of d features costs about 1 + d^2 / 16 of
# them), and E-steps within these bounds.
_DENSITIES = 2e8
_PASSES = (250, 1000)
_FEW_PASSES = 300  # for few rows, which cannot tell near optima apart

# The best optimum has been reached this often before the search believes it.
_HITS = 4

# How often a descent is mended in a row.
_RESEEDED = 3

_FRESH = ("k-means", "mahalanobis", "seeds")
_SCHEDULE = ("shaken", "seeds", "shaken", "k-means", "shaken", "seeds", "shaken", "mahalanobis")

# Promise of a move (nats a row) below which it is not tried: a cut is judged before EM has mended it.
_PROMISE = -0.4
_TRIES = 3
_ROUNDS = 20

# Components from which fresh starts no longer find the best optimum, and moves are looked at more closely.
_MANY = 10

# Iterations without each row's own pull, where components have few rows for their features.
_LEFT_OUT = 6
_LEVERAGE = 0.05

_SHARES = (0.5, 0.3)

# The structure of the hard EM, and its iterations; seeds alone are the most different starts.
_PARTITIONS = {"k-means": ("EEI", 10), "mahalanobis": ("EEE", 10), "seeds": ("EEI", 0)}


@dataclass(frozen=True, eq=False)
class _Optimum:
    mixture: Mixture
    statistics: SufficientStatistics

    @property
    def log_likelihood(self) -> float:
        return self.statistics.mean_log_likelihood


def search(
    blocks: Blocks,
    structure: CovarianceStructure,
    n_components: int,
    reg_covar: FloatArray,
    seed: int,
    deadline: float = np.inf,
) -> tuple[Mixture, list[StartRecord]]:
    """Return the best mixture found on a uniform sample of the rows, and a record of each descent.

    After `deadline`, in `time.monotonic`'s seconds, no descent begins but the first.

    Raises
    ------
    SingularCovarianceError
        If every descent failed.
    """
    return _Search(blocks, structure, n_components, reg_covar, seed, deadline).run()


def rows_of_a_search(n_components: int, n_features: int) -> int:
    """Rows that tell the optima of so many components apart."""
    return max(_ROWS, _ROWS_PER_PARAMETER * n_components * (n_features + 1))


class _Search:
    def __init__(
        self,
        blocks: Blocks,
        structure: CovarianceStructure,
        n_components: int,
        reg_covar: FloatArray,
        seed: int,
        deadline: float,
    ) -> None:
        # Ten times as quick to seed as the Mersenne twister that scikit-learn's starts draw from.
        rng = RandomState(PCG64(seed))
        self._structure, self._k = structure, n_components
        self._reg_covar, self._rng, self._seed = reg_covar, rng, seed
        rows, self._weight = self._sampled(blocks)
        self._blocks = in_memory(blocks, rows, self._weight)
        self._X: FloatArray = np.ascontiguousarray(rows, dtype=np.float64)
        self._deadline = deadline
        self._unit = self._blocks.rows_per_weight
        self._n_effective = self._blocks.weight * self._unit
        self._best: _Optimum | None = None
        self._fallback: _Optimum | None = None
        self._found_from: list[str] = []
        self._n_passes = self._n_reseeded = 0
        self._records: list[StartRecord] = []
        self._first_error: SingularCovarianceError | None = None

    def _sampled(self, blocks: Blocks) -> tuple[Array, FloatArray | None]:
        return blocks.sample(rows_of_a_search(self._k, blocks.shape[1]), self._rng)

    def run(self) -> tuple[Mixture, list[StartRecord]]:
        self._descend("k-means", self._from_partition("k-means"))
        if self._k == 1 or monotonic() > self._deadline:
            return self._result()
        if self._best is not None and not self._has_leverage and not self._plans()[0]:
            return self._result()  # every component is whole and apart: no move promises anything
        self._descend("mahalanobis", self._from_partition("mahalanobis"))
        self._climb()
        if self._can_leave_out and self._best is not None:
            self._descend("leave-one-out", lambda: self._loosened(self._best_responsibilities()))
        for kind in cycle(_SCHEDULE):
            if self._best is None and kind == "shaken":
                continue
            if self._is_sure or self._is_spent:
                break
            if self._descend(kind, self._start(kind)):
                self._climb()
        return self._result()

    @property
    def _is_spent(self) -> bool:
        least, most = _PASSES
        n_rows, n_features = self._X.shape
        passes = _DENSITIES / (n_rows * self._k * (1 + n_features**2 / 16))
        # A descent that fails at once costs no pass.
        if not self._has_leverage:
            most = min(most, max(2 * n_rows, _FEW_PASSES))
            most = 0.7 * most if self._k >= _MANY else most
        spent = self._n_passes + len(self._records) >= min(max(passes, least), most)
        return spent or monotonic() > self._deadline

    def _result(self) -> tuple[Mixture, list[StartRecord]]:
        best = self._best or self._fallback
        if best is None:
            assert self._first_error is not None
            raise self._first_error
        return best.mixture, self._records

    @property
    def _is_sure(self) -> bool:
        """Found from several sides, fresh starts among them; more of those where others ended lower."""
        tried = sum(record.kind in _FRESH for record in self._records)
        fresh = sum(kind in _FRESH for kind in self._found_from)
        hits, needed = len(self._found_from), min(_HITS + self._k // 4, 2 * _HITS)
        if self._has_leverage:
            needed = max(needed, _HITS + 2)
        return hits >= needed and (fresh >= (2 if tried == fresh else 4) or hits >= 2 * _HITS)

    @property
    def _has_leverage(self) -> bool:
        """Whether components have few rows for their features, and so many an optimum."""
        return bool(self._k * self._X.shape[1] > _LEVERAGE * self._n_effective)

    @property
    def _can_leave_out(self) -> bool:
        return self._has_leverage and self._structure.has_matrices

    # Where a descent begins

    def _start(self, kind: str) -> Callable[[], Mixture]:
        if kind in _FRESH:
            name, max_iter = _PARTITIONS[kind]
            return lambda: self._loosened(np.eye(self._k)[self._labels(name, max_iter)])
        share = _SHARES[len(self._records) % len(_SHARES)]
        return lambda: self._loosened(
            perturbed(self._best_responsibilities(), self._weight, share, self._rng)
        )

    def _from_partition(self, kind: str) -> Callable[[], Mixture]:
        def make() -> Mixture:
            given = LabelResponsibilities(self._labels(*_PARTITIONS[kind]), self._k)
            return mixture_of(given, self._blocks, self._structure, self._k, self._reg_covar)

        return make

    def _labels(self, name: str, max_iter: int) -> Array:
        return partition(
            self._X, self._weight, self._blocks, name, max_iter, self._k, self._reg_covar, self._rng
        )

    def _from_responsibilities(self, given: FloatArray) -> Mixture:
        self._n_passes += 2
        return mixture_of(
            ArrayResponsibilities(given), self._blocks, self._structure, self._k, self._reg_covar
        )

    def _loosened(self, given: FloatArray) -> Mixture:
        mixture = self._from_responsibilities(given)
        if self._can_leave_out:
            for _ in range(_LEFT_OUT):
                given = responsibilities(mixture, self._X, self._blocks.n_threads)
                given = leave_one_out(mixture, given, self._X, self._weight)
                mixture = self._from_responsibilities(given)
        return mixture

    def _best_responsibilities(self) -> FloatArray:
        assert self._best is not None
        self._n_passes += 1
        return responsibilities(self._best.mixture, self._X, self._blocks.n_threads)

    # Descents

    def _descend(self, kind: str, make: Callable[[], Mixture]) -> bool:
        """Run EM from a start; True where it ends at a better optimum than all before."""
        monitor = _Glance(_TOL, _MAX_ITER, self._best.log_likelihood if self._best else -np.inf)
        try:
            start = make()
            mixture, statistics = expectation_maximisation(
                start, self._blocks, self._reg_covar, monitor, accelerate=True
            )
        except SingularCovarianceError as error:
            self._first_error = self._first_error or error
            self._record(kind, monitor, str(error))
            return False
        self._n_passes += monitor.n_passes
        return self._judge(kind, monitor, _Optimum(mixture, statistics))

    def _judge(self, kind: str, monitor: _Glance, found: _Optimum) -> bool:
        if monitor.stopped:
            self._record(kind, monitor, monitor.stopped)
            return False
        why = str(monitor.failure or "") or why_improper(
            found.mixture, found.statistics.counts * self._unit, self._reg_covar, self._blocks
        )
        if why:
            self._record(kind, monitor, why)
            return self._reseed(found)
        self._record(kind, monitor, monitor.ended)
        before = -np.inf if self._best is None else self._best.log_likelihood
        if found.log_likelihood > before:
            self._best = found
        if found.log_likelihood > before + _SAME:
            self._found_from = [kind]
            return True
        if found.log_likelihood > before - _SAME and kind not in ("split and merge", "re-seeded"):
            self._found_from.append(kind)
        return False

    def _reseed(self, found: _Optimum) -> bool:
        """Merge the smallest component with a neighbour, and cut the worst explained one instead."""
        if self._fallback is None or found.log_likelihood > self._fallback.log_likelihood:
            self._fallback = found
        if not self._is_worth_mending(found):
            return False
        if self._n_reseeded >= _RESEEDED + self._k // 8 or self._is_spent:
            return False
        given = responsibilities(found.mixture, self._X, self._blocks.n_threads)
        dead = int(found.statistics.counts.argmin())
        mends = {
            move.union: move
            for move in self._candidates(found.mixture, given)
            if len(move.union) == 1 and dead in move.merged
        }
        # The first mend cuts what gains most, the next ones others.
        chosen = list(mends.values())[self._n_reseeded : self._n_reseeded + 1]
        self._n_reseeded += 1
        better = any(self._descend("re-seeded", self._after([m], given)) for m in chosen)
        self._n_reseeded -= 1
        return better

    def _is_worth_mending(self, _found: _Optimum) -> bool:
        return True

    def _record(self, kind: str, monitor: Monitor, ended: str) -> None:
        last = monitor.history[-1] if monitor.history else np.nan
        self._records.append(
            StartRecord(
                kind=kind,
                seed=self._seed,
                n_rows=len(self._X),
                n_iter=max(monitor.n_iter, 0),
                log_likelihood=last,
                converged=monitor.converged,
                ended=ended,
                n_passes=monitor.n_passes,
            )
        )

    # Moves

    def _climb(self) -> None:
        """Merge and split while it gains."""
        for _ in range(_ROUNDS):
            if self._best is None or self._is_spent:
                return
            if not self._move() and not (self._k >= _MANY and self._move(refine=True)):
                return

    def _move(self, refine: bool = False) -> bool:
        plans, given = self._plans(refine)
        return any(
            not self._is_spent and self._descend("split and merge", self._after(plan, given))
            for plan in plans
        )

    def _plans(self, refine: bool = False) -> tuple[list[list[Move]], FloatArray]:
        """Sets of moves to try one after another, and the responsibilities that they change."""
        assert self._best is not None
        given = self._best_responsibilities()
        candidates = self._candidates(self._best.mixture, given)
        if refine:
            candidates = refined(
                candidates, self._best.mixture, given, self._X, self._weight, self._reg_covar
            )
        together = disjoint(candidates)
        plans = [together] if len(together) > 1 else []
        plans += [[move] for move in candidates[: _TRIES + self._k // 8] if move.gain > _PROMISE]
        return plans, given

    def _candidates(self, mixture: Mixture, given: FloatArray) -> list[Move]:
        needed = rows_needed(mixture) / self._unit
        return moves(mixture, given, self._X, self._weight, self._reg_covar, needed)

    def _after(self, plan: list[Move], given: FloatArray) -> Callable[[], Mixture]:
        return lambda: self._from_responsibilities(apply(plan, given))


class _Glance(Monitor):
    """Gives a descent up that, as fast as it rises now, will not catch up with the best."""

    heard = (_GLANCE, 5)

    def __init__(self, tol: float, max_iter: int, best: float) -> None:
        super().__init__(tol, max_iter, accelerated=True)
        self._best = best

    def hear(self, _mixture: Mixture) -> str:
        *_, before, _, _, _, _, last = self.history
        falls_short = last + 10 * (last - before) + 0.01 < self._best
        return "behind the best" if falls_short and not self.converged else ""
