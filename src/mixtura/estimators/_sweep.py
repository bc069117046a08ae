"""A sweep over numbers of components and structures that share what they find.

1.  For each K by itself: rows merged pair by pair give a partition; every structure, from narrow to wide,
    begins there and at the optima of the structures before it.
2.  The most promising cells: a search of their own.
3.  Several times, every structure again, from what is new since it was looked at last: the optima of the
    others, its own of K - 1 with a component split and of K + 1 with two merged.
4.  EM over all rows, to the tolerance asked for.

What a step reads is complete before it begins, so the answer does not depend on who runs what when. A step
that is cut short is none: a sweep that goes on begins it anew, and ends as one that was never stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import blake2b
from threading import Lock
from time import monotonic, perf_counter

import numpy as np
from numpy.random import RandomState

from mixtura._core import Stop
from mixtura._rows import Array, FloatArray
from mixtura.blocks import ArrayBlocks, Blocks, in_memory
from mixtura.covariance import structure
from mixtura.diagnosis import rows_needed_by
from mixtura.errors import SingularCovarianceError
from mixtura.estimators._cells import NOT_FINISHED, Cell, Key
from mixtura.estimators._fitting import Beginning, Fit, Options, best_fit, fits_side_by_side
from mixtura.mixture import Mixture, responsibilities
from mixtura.mixture import labels as labels_of
from mixtura.starts import LabelResponsibilities, StartRecord, mixture_of, search
from mixtura.starts.auto import (
    Budget,
    Given,
    SearchRows,
    SearchStopped,
    merged,
    rows_of_a_search,
    search_from,
    split,
)
from mixtura.starts.hierarchy import merged_partitions, wards_partitions
from mixtura.summary import Criteria

# What is found in one look is a start in the next.
EXCHANGES = ("exchange 1", "exchange 2", "exchange 3")
LOOKS = ("first", "searched", *EXCHANGES)

#: What is done for each cell, one after another.
STEPS = (*LOOKS, "finished")

# E-steps that a look at one cell may take before it makes no further moves: at first none; in an exchange.
_MOVING = 300

# Cells that are searched by themselves: so many at most, no further than this in BIC from the best,
# with so many E-steps.
_PROMISING = 12
_PROMISING_DELTA = 30.0
_PROMISING_PASSES = 400

# Rows that are merged pair by pair.
_MERGED_ROWS = 400

# A change of a responsibility that makes a start worth another try.
_CHANGED = 0.02

_RANKS = {"I": 0, "E": 1, "V": 2}

# Steps done, of how many; which one it was; the cell as it is now. Something true ends the sweep.
Report = Callable[[int, int, str, Cell], object]


@dataclass(frozen=True)
class Wish:
    """What is asked of a sweep."""

    keys: tuple[Key, ...]
    options: Options
    seed: int
    n_init: int = 1
    n_threads: int = 1
    report: Report | None = None


@dataclass(eq=False)
class State:
    """What a sweep has found: all that is needed to go on later."""

    looks: dict[str, dict[Key, Mixture | str]] = field(
        default_factory=lambda: {look: {} for look in LOOKS}
    )
    cells: dict[Key, Cell] = field(default_factory=dict)

    def latest(self, key: Key, before: str | None = None) -> Mixture | str | None:
        """What the last look found, of those before one of them where that is named."""
        names = LOOKS if before is None else LOOKS[: LOOKS.index(before)]
        found = (self.looks[name].get(key) for name in reversed(names))
        return next((one for one in found if one is not None), None)


def ranks(letters: str) -> tuple[int, ...]:
    """Volume, shape, orientation: how much each may vary."""
    return tuple(_RANKS[letter] for letter in letters)


def is_within(narrow: str, wide: str) -> bool:
    """Whether every mixture of the one structure is one of the other, by their letters."""
    return all(a <= b for a, b in zip(ranks(narrow), ranks(wide), strict=True))


class Sweep:
    """Fits the cells of a grid; `state` is true to what is done at any time."""

    def __init__(
        self,
        blocks: Blocks,
        wish: Wish,
        state: State,
        keep: Callable[[State], None] = lambda _: None,
    ) -> None:
        self.state = state
        self._blocks, self._wish, self._keep = blocks, wish, keep
        self._stop, self._lock = Stop(), Lock()
        self._cut_short: dict[Key, Mixture] = {}
        self._seconds: dict[Key, float] = {}
        self._columns: dict[int, list[str]] = {}
        for k, name in sorted(wish.keys, key=lambda key: (key[0], sum(ranks(_letters(key[1]))))):
            self._columns.setdefault(k, []).append(name)
        rng = RandomState(wish.seed)
        most = rows_of_a_search(max(self._columns), blocks.shape[1])
        rows, weight = blocks.sample(most, rng)
        self._sample = in_memory(blocks, rows, weight)
        self._rows = SearchRows(self._sample)
        self._X = self._rows.X
        self._weight_of_all = blocks.weight
        self._rows_in_all = self._weight_of_all * blocks.rows_per_weight
        self._promising: list[Key] = []
        self._partitions = self._merge_rows(rng)
        done = [*state.cells, *(key for look in LOOKS for key in state.looks[look])]
        self._n_done = sum(key in self._wish.keys for key in done)

    def run(self) -> None:
        """Fit what is not fitted yet."""
        self._each_column(self._first_look)
        if self.is_stopped:
            return
        self._promising = self._most_promising()
        self._n_done += len(self._wish.keys) - len(self._promising)
        self._each_column(self._search_promising)
        for look in EXCHANGES:
            self._each_column(partial(self._exchange, look))
        if not self.is_stopped:
            self._each([partial(self._finish, key) for key in self._by_promise()])

    def finished(self) -> dict[Key, Cell]:
        """The cells; what was found, but not finished, as it is."""
        return {key: self.state.cells.get(key) or self._unfinished(key) for key in self._wish.keys}

    def _unfinished(self, key: Key) -> Cell:
        found = self._cut_short.get(key) or self.state.latest(key)
        if isinstance(found, Mixture):
            return self._as_it_is(key, found)
        return Cell(*key, failure=found or "not fitted: the sweep was stopped before")

    @property
    def n_unfinished(self) -> int:
        """Cells that are not fitted, or not to the end."""
        return sum(key not in self.state.cells for key in self._wish.keys)

    @property
    def is_stopped(self) -> bool:
        """Whether no further step is to begin."""
        return self._stop.is_set() or self._is_late

    @property
    def _is_late(self) -> bool:
        return monotonic() > self._wish.options.deadline

    # Who runs what

    def _each_column(self, look: Callable[[int, int], None]) -> None:
        """One job for each number of components, the largest first."""
        self._each([partial(look, k) for k in sorted(self._columns, reverse=True)])

    def _each(self, jobs: Sequence[Callable[[int], None]]) -> None:
        """Run the jobs, each with a number of threads of its own; side by side where that is quicker."""
        n_workers = min(self._wish.n_threads, len(jobs))
        if n_workers < 2 or not fits_side_by_side(self._sample):
            for job in jobs:
                _until_stopped(job, self._wish.n_threads)
            return
        with ThreadPoolExecutor(n_workers) as pool:
            try:
                for future in [pool.submit(_until_stopped, job, 1) for job in jobs]:
                    future.result()
            except BaseException:  # Ctrl-C: the others end where they are
                self._stop.set()
                pool.shutdown(wait=True, cancel_futures=True)
                raise

    def _is_taken(self, step: str, key: Key, found: Mixture | str | Cell, began: float) -> bool:
        """Keep what a step found, and tell of it; unless time was up before its end."""
        seconds = self._seconds[key] = self._seconds.get(key, 0.0) + perf_counter() - began
        if self._is_late:
            mixture = found.mixture if isinstance(found, Cell) and found.can_win else found
            if isinstance(mixture, Mixture):
                self._cut_short[key] = mixture
            return False
        if isinstance(found, Cell):
            found = replace(found, seconds=seconds)
        told = None if self._wish.report is None else self._so_far(key, found)
        with self._lock:
            if isinstance(found, Cell):
                self.state.cells[key] = found
            else:
                self.state.looks[step][key] = found
            self._n_done += 1
            self._keep(self.state)
            if told is not None and self._tells_to_stop(step, told):
                self._stop.set()
        return True

    def _tells_to_stop(self, step: str, cell: Cell) -> bool:
        report = self._wish.report
        n_steps = len(STEPS) * len(self._wish.keys)
        return report is not None and bool(report(self._n_done, n_steps, step, cell))

    def _so_far(self, key: Key, found: Mixture | str | Cell) -> Cell:
        """A cell on its way, scored on the sample."""
        if isinstance(found, Cell):
            return found
        if isinstance(found, str):
            return Cell(*key, failure=found, seconds=self._seconds[key])
        criteria, seconds = self._on_sample(found, 1), self._seconds[key]
        return Cell(*key, NOT_FINISHED, False, seconds, found, criteria)

    def _on_sample(self, found: Mixture, n_threads: int) -> Criteria:
        """What a mixture scores on the sample, as if that were all rows."""
        sums = self._sample.with_threads(n_threads).score(found)
        scale = self._weight_of_all / sums.weight
        scores = scale * sums.log_likelihood, scale * sums.log_certainty
        return Criteria(self._weight_of_all, *scores, found.n_parameters)

    def _first_look(self, k: int, n_threads: int) -> None:
        sample = self._sample.with_threads(n_threads)
        look = self.state.looks["first"]
        pool = self._from_partitions(k)
        for name in self._columns[k]:
            if self.is_stopped:
                return
            key = k, name
            if key not in look:
                began = perf_counter()
                starts = [*pool, *self._searches(key, sample)]
                found = self._searched(key, sample, starts, 1, None, "first")
                if not self._is_taken("first", key, found, began):
                    return
            found = look[key]
            if isinstance(found, Mixture):
                pool = [*pool, (name, responsibilities(found, self._X, n_threads))]

    def _most_promising(self) -> list[Key]:
        scores = self._scores(self.state.looks["first"])
        ranked = sorted(scores, key=lambda key: (scores[key], key))
        near = [
            key for key in ranked[:_PROMISING] if scores[key] < scores[ranked[0]] + _PROMISING_DELTA
        ]
        return [key for key in near if key[0] > 1]

    def _scores(self, found: Mapping[Key, Mixture | str | None]) -> dict[Key, float]:
        """BIC on the sample, of those of a grid that have a mixture."""
        return {
            key: self._on_sample(one, self._wish.n_threads).bic
            for key, one in found.items()
            if isinstance(one, Mixture)
        }

    def _by_promise(self) -> list[Key]:
        """The cells, the best so far first: where the sweep is stopped, those are done."""
        scores = self._scores({key: self.state.latest(key) for key in self._wish.keys})
        return sorted(self._wish.keys, key=lambda key: scores.get(key, np.inf))

    def _search_promising(self, k: int, n_threads: int) -> None:
        sample = self._sample.with_threads(n_threads)
        look = self.state.looks["searched"]
        for name in self._columns[k]:
            key = k, name
            if key in look or key not in self._promising:
                continue
            if self.is_stopped:
                return
            began = perf_counter()
            before = self.state.latest(key)
            found = self._searched(key, sample, [], 0, before, "searched", _PROMISING_PASSES)
            if not self._is_taken("searched", key, found, began):
                return

    def _exchange(self, look: str, k: int, n_threads: int) -> None:
        """Every structure of a column from what is new to it."""
        sample = self._sample.with_threads(n_threads)
        done, names = self.state.looks[look], self._columns[k]
        pool = {name: self._responsibilities((k, name), look, n_threads) for name in names}
        # What an earlier one found in the look before was there already when this one was looked at.
        news = [name for name in names if self._is_news((k, name), look, n_threads)]
        for name in names:
            key = k, name
            before = self.state.latest(key, look)
            if key not in done:
                if self.is_stopped or before is None:
                    return
                began = perf_counter()
                certain = list(self._from_neighbours(key, look, n_threads))
                starts = [
                    (other, given)
                    for other in news
                    if other != name and (given := pool[other]) is not None
                ]
                every = [*certain, *starts]
                found = before
                if every:
                    found = self._searched(key, sample, every, len(certain), before, look)
                if not self._is_taken(look, key, found, began):
                    return
            news = [other for other in news if other != name]
            if done[key] is before:
                continue
            after = self._responsibilities_of(done[key], n_threads)
            if _differ(after, pool[name]):
                news.append(name)
                pool[name] = after

    def _is_news(self, key: Key, look: str, n_threads: int) -> bool:
        """Whether the look before has changed a cell; all is news to the first exchange."""
        if look == EXCHANGES[0]:
            return True
        earlier = EXCHANGES[EXCHANGES.index(look) - 1]
        now, then = self.state.latest(key, look), self.state.latest(key, earlier)
        return now is not then and _differ(
            self._responsibilities_of(now, n_threads), self._responsibilities_of(then, n_threads)
        )

    def _responsibilities(self, key: Key, before: str, n_threads: int) -> FloatArray | None:
        return self._responsibilities_of(self.state.latest(key, before), n_threads)

    def _responsibilities_of(
        self, found: Mixture | str | None, n_threads: int
    ) -> FloatArray | None:
        return responsibilities(found, self._X, n_threads) if isinstance(found, Mixture) else None

    def _finish(self, key: Key, n_threads: int) -> None:
        found = self.state.latest(key)
        is_ready = found is not None and key in self.state.looks[EXCHANGES[-1]]
        if self.is_stopped or key in self.state.cells or found is None or not is_ready:
            return
        began = perf_counter()
        if isinstance(found, str):
            cell = Cell(*key, failure=found)
        else:
            cell = self._fitted(key, found, self._blocks.with_threads(n_threads))
        self._is_taken("finished", key, cell, began)

    # One cell

    def _searched(
        self,
        key: Key,
        sample: ArrayBlocks,
        starts: Sequence[Given],
        n_certain: int,
        before: Mixture | str | None,
        look: str,
        own_passes: int = 0,
    ) -> Mixture | str:
        k, name = key
        kind = structure(name)
        seed = self._seed_of(key, look)
        incumbent = before if isinstance(before, Mixture) else None
        needed = rows_needed_by(kind, sample.shape[1])
        if k * needed > self._rows_in_all:
            return f"{k} components on {self._rows_in_all:.6g} rows: the covariance of one needs {needed}"
        try:
            found, _ = search_from(
                starts,
                self._rows,
                kind,
                k,
                self._wish.options.reg_covar,
                seed,
                Budget(0 if look == "first" else _MOVING, own_passes),
                self._wish.options.deadline,
                incumbent,
                n_certain,
                self._stop,
                sample.n_threads,
            )
        except SingularCovarianceError as error:
            return incumbent or str(error)
        # The same object, so that what has not changed is known without a look at the rows.
        if incumbent is not None and np.array_equal(found.means, incumbent.means):
            return incumbent
        return found

    def _searches(self, key: Key, sample: ArrayBlocks) -> Iterable[Given]:
        """Ends of searches as `GaussianMixture` makes them, where more than one start is asked for."""
        k, name = key
        for number in range(1, self._wish.n_init):
            seed, options = self._seed_of(key, "first", number), self._wish.options
            try:
                found, _ = search(
                    sample,
                    structure(name),
                    k,
                    options.reg_covar,
                    seed,
                    options.deadline,
                    self._stop,
                )
            except SingularCovarianceError:
                continue
            yield "search", responsibilities(found, self._X, sample.n_threads)

    def _from_neighbours(self, key: Key, look: str, n_threads: int) -> Iterable[Given]:
        k, name = key
        fewer, more = (
            self.state.latest(near, look) if self._is_news(near, look, n_threads) else None
            for near in ((k - 1, name), (k + 1, name))
        )
        if isinstance(fewer, Mixture):
            given = responsibilities(fewer, self._X, n_threads)
            found = split(fewer, given, self._rows, self._wish.options.reg_covar)
            if found is not None:
                yield "split", found
        if isinstance(more, Mixture):
            yield "merge", merged(more, responsibilities(more, self._X, n_threads))

    def _fitted(self, key: Key, found: Mixture, blocks: Blocks) -> Cell:
        """EM over all rows; where that leads to a spike, the mixture that it began from."""
        options = replace(self._wish.options, stop=self._stop)
        for how in (options, _as_given(options)):
            beginning = Beginning("sweep", None, partial(_unchanged, found), accelerate=True)
            fit, _ = best_fit([beginning], blocks, how)
            if self._stop.is_set():
                raise SearchStopped
            cell = _cell_of(key, fit, blocks)
            if cell.can_win:
                return cell
        return cell

    def _as_it_is(self, key: Key, mixture: Mixture) -> Cell:
        beginning = Beginning("sweep", None, partial(_unchanged, mixture))
        fit, _ = best_fit([beginning], self._blocks, _as_given(self._wish.options))
        cell = _cell_of(key, fit, self._blocks)
        return replace(cell, failure=cell.failure or NOT_FINISHED)

    def _seed_of(self, key: Key, look: str, number: int = 0) -> int:
        k, name = key
        entropy = f"{self._wish.seed} {k} {_letters(name)} {look} {number}"
        return int.from_bytes(blake2b(entropy.encode(), digest_size=4).digest(), "big")

    # Partitions

    def _merge_rows(self, rng: RandomState) -> list[tuple[str, dict[int, Array]]]:
        """Partitions of the sample in three metrics: the data's units, standard deviations, none."""
        rows, weight = self._sample.sample(_MERGED_ROWS, rng)
        rows = np.ascontiguousarray(rows, dtype=np.float64)
        most = min(max(self._columns), len(rows))
        mean = np.average(rows, axis=0, weights=weight)
        spread = np.sqrt(np.average((rows - mean) ** 2, axis=0, weights=weight))
        scaled = rows / np.where(spread > 0, spread, 1.0)
        found = [
            ("merged rows", merged_partitions(rows, weight, most)),
            ("Ward, scaled", wards_partitions(scaled, weight, most)),
            ("Ward", wards_partitions(rows, weight, most)),
        ]
        if len(rows) == len(self._X):
            return found
        return [
            (kind, {k: self._spread(labels, rows, weight, k) for k, labels in partitions.items()})
            for kind, partitions in found
        ]

    def _spread(self, labels: Array, rows: FloatArray, weight: FloatArray | None, k: int) -> Array:
        """Labels of all rows of the sample, from those of some of them."""
        kind = structure("EEE")
        given = LabelResponsibilities(labels, k)
        try:
            mixture = mixture_of(
                given, ArrayBlocks(rows, weight), kind, k, self._wish.options.reg_covar
            )
        except SingularCovarianceError:
            return np.zeros(len(self._X), dtype=np.int64)
        return labels_of(mixture, self._X, self._blocks.n_threads)

    def _from_partitions(self, k: int) -> list[Given]:
        return [(kind, np.eye(k)[labels[k]]) for kind, labels in self._partitions if k in labels]


def _until_stopped(job: Callable[[int], None], n_threads: int) -> None:
    """Run a job, or what of it is done before the sweep is stopped."""
    with suppress(SearchStopped):
        job(n_threads)


def _differ(one: FloatArray | None, other: FloatArray | None) -> bool:
    """Whether responsibilities are worth another start."""
    if one is None or other is None:
        return one is not other
    return bool(np.abs(one - other).max() > _CHANGED)


def _letters(name: str) -> str:
    return structure(name).letters


def _unchanged(mixture: Mixture, _: Blocks) -> tuple[Mixture, list[StartRecord]]:
    return mixture, []


def _as_given(options: Options) -> Options:
    return Options(options.reg_covar, options.tol, max_iter=0)


def _cell_of(key: Key, fit: Fit, blocks: Blocks) -> Cell:
    statistics, monitor = fit.statistics, fit.monitor
    failure = fit.failure or fit.degenerate
    return Cell(
        *key,
        failure=failure,
        degenerate=bool(fit.degenerate),
        mixture=fit.mixture.frozen(),
        criteria=Criteria(
            statistics.weight,
            statistics.log_likelihood,
            statistics.log_certainty,
            fit.mixture.n_parameters,
        ),
        converged=monitor.converged,
        lower_bounds=tuple(monitor.log_likelihoods),
        remaining_gain=fit.remaining_gain,
        effective_rows=statistics.counts * blocks.rows_per_weight,
    )
