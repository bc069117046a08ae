"""A sweep over numbers of components and structures that share what they find.

1.  Every cell by itself: EM from partitions of the rows, and a short search of its own.
2.  Every structure from what others found by themselves: those of the same K, its own of K - 1 with a
    component split and of K + 1 with two merged. What turns out better is a start of wider structures, too.
3.  EM over all rows, to the tolerance asked for.

The first depends on the seed, K, the structure and the rows alone. In the second each start leads where it
leads whatever the others do, and the best end stands. So a larger grid gives every cell the same starts and
some more, and no worse end on the rows that searches see.

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
from mixtura.covariance import structure
from mixtura.em import GAUSSIAN, NOTHING, Knowledge, MStep
from mixtura.errors import SingularCovarianceError
from mixtura.fitting.best_of_starts import Beginning, Fit, Options, best_fit, fits_side_by_side
from mixtura.fitting.diagnosis import Grounds, are_held_up, rows_needed
from mixtura.fitting.facts import Criteria
from mixtura.fitting.incomplete import search_incomplete
from mixtura.mixture import Mixture
from mixtura.mixture import labels as labels_of
from mixtura.rows import ArrayBlocks, Blocks, Rows
from mixtura.starts import LabelResponsibilities, StartRecord, mixture_of
from mixtura.starts.auto import (
    Budget,
    Given,
    SearchStopped,
    merged,
    rows_of_a_search,
    search_from,
    search_rows,
    searched,
    split,
)
from mixtura.starts.hierarchy import merged_partitions, wards_partitions
from mixtura.support.arrays import Array, FloatArray
from mixtura.support.interruptible import result_of
from mixtura.sweep.cells import HELD_UP_BY_ALL, NOT_FINISHED, Cell, Key
from mixtura.sweep.names import has_noise, has_tails, kind_of, structure_of

# A search of every cell by itself; then from what others found.
LOOKS = ("first", "exchanged")

#: What is done for each cell, one after another.
STEPS = (*LOOKS, "finished")

# E-steps of a cell's search by itself. Of 251 cells of four tables 21 end above the BIC of a default fit
# of the same model by more than 0.1; with 150 it is 30 in three quarters of the time, with 1,500 it is 19
# in one and a half times.
_OWN = 600

# E-steps of moves from each optimum that is better than what the cell found by itself.
_MOVING = 150

# Rows that are merged pair by pair.
_MERGED_ROWS = 400

_RANKS = {"I": 0, "E": 1, "V": 2}

# Steps done, of how many; which one it was; the cell as it is now. Something true ends the sweep.
Report = Callable[[int, int, str, Cell], object]


@dataclass(frozen=True)
class SweepRequest:
    """What is asked of a sweep. known: what is known of parameters, by cell; where nothing is, it lacks."""

    keys: tuple[Key, ...]
    options: Options
    seed: int
    n_init: int = 1
    n_threads: int = 1
    report: Report | None = None
    known: Mapping[Key, Knowledge] = field(default_factory=dict)


@dataclass(eq=False)
class State:
    """What a sweep has found: all that is needed to go on later."""

    looks: dict[str, dict[Key, Mixture | str]] = field(
        default_factory=lambda: {look: {} for look in LOOKS}
    )
    cells: dict[Key, Cell] = field(default_factory=dict)

    def latest(self, key: Key) -> Mixture | str | None:
        """What the last look found."""
        found = (self.looks[name].get(key) for name in reversed(LOOKS))
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
        request: SweepRequest,
        state: State,
        write: Callable[[State], None] = lambda _: None,
    ) -> None:
        self.state = state
        self._blocks, self._request, self._write = blocks, request, write
        self._options = request.options
        self._stop, self._lock = Stop(), Lock()
        self._cut_short: dict[Key, Mixture] = {}
        self._seconds: dict[Key, float] = {}
        self._columns: dict[int, list[str]] = {}
        # By the number of components, then from narrow to wide.
        self._keys = sorted(
            request.keys,
            key=lambda key: (
                key[0],
                sum(ranks(_letters(key[1]))),
                has_tails(key[1]) + has_noise(key[1]),
            ),
        )
        for k, name in self._keys:
            self._columns.setdefault(k, []).append(name)
        self._samples = self._drawn()
        self._weight_of_all = blocks.weight
        self._rows_in_all = self._weight_of_all * blocks.rows_per_weight
        self._are_matrices_held_up = self._only_matrices_are_held_up()
        done = [*state.cells, *(key for look in LOOKS for key in state.looks[look])]
        self._n_done = sum(key in self._request.keys for key in done)

    def run(self) -> None:
        """Fit what is not fitted yet."""
        # The longest first keep all threads busy to the end; where time may be up before, small models have
        # answers first.
        is_timed = self._options.deadline < np.inf
        keys = self._keys if is_timed else self._keys[::-1]
        self._each([partial(self._first_look, key) for key in keys])
        if not self.is_stopped:
            self._each([partial(self._exchange, k) for k in sorted(self._columns, reverse=True)])
        if not self.is_stopped:
            self._each([partial(self._finish, key) for key in self._by_promise()])

    def finished(self) -> dict[Key, Cell]:
        """The cells; what was found, but not finished, as it is."""
        return {
            key: self.state.cells.get(key) or self._unfinished(key) for key in self._request.keys
        }

    def _unfinished(self, key: Key) -> Cell:
        found = self._cut_short.get(key) or self.state.latest(key)
        if isinstance(found, Mixture):
            return self._as_it_is(key, found)
        return Cell(*key, failure=found or "not fitted: the sweep was stopped before")

    @property
    def n_unfinished(self) -> int:
        """Cells that are not fitted, or not to the end."""
        return sum(key not in self.state.cells for key in self._request.keys)

    @property
    def is_stopped(self) -> bool:
        """Whether no further step is to begin."""
        return self._stop.is_set() or self._is_late

    @property
    def _is_late(self) -> bool:
        return monotonic() > self._options.deadline

    # Who runs what

    def _each(self, jobs: Sequence[Callable[[int], None]]) -> None:
        """Run the jobs, each with a number of threads of its own; side by side where that is quicker."""
        n_workers = min(self._request.n_threads, len(jobs))
        if n_workers < 2 or not all(
            fits_side_by_side(sample.rows.blocks) for sample in self._samples.values()
        ):
            for job in jobs:
                _until_stopped(job, self._request.n_threads)
            return
        with ThreadPoolExecutor(n_workers) as pool:
            try:
                for future in [pool.submit(_until_stopped, job, 1) for job in jobs]:
                    result_of(future)
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
        told = None if self._request.report is None else self._so_far(key, found)
        with self._lock:
            if isinstance(found, Cell):
                self.state.cells[key] = found
            else:
                self.state.looks[step][key] = found
            self._n_done += 1
            self._write(self.state)
            if told is not None and self._tells_to_stop(step, told):
                self._stop.set()
        return True

    def _tells_to_stop(self, step: str, cell: Cell) -> bool:
        report = self._request.report
        n_steps = len(STEPS) * len(self._request.keys)
        return report is not None and bool(report(self._n_done, n_steps, step, cell))

    def _so_far(self, key: Key, found: Mixture | str | Cell) -> Cell:
        """A cell on its way, scored on the sample."""
        if isinstance(found, Cell):
            return found
        if isinstance(found, str):
            return Cell(*key, failure=found, seconds=self._seconds[key])
        seconds, on_sample = self._seconds[key], self._on_sample(key, found, 1)
        return Cell(*key, NOT_FINISHED, False, seconds, found, on_sample=on_sample)

    def _on_sample(self, key: Key, found: Mixture, n_threads: int) -> Criteria:
        """What a mixture scores on the sample, as if that were all rows."""
        sample = self._samples[self._size(found.n_components)]
        sums = sample.rows.blocks.with_threads(n_threads).score(found)
        scale = self._weight_of_all / sums.weight
        scores = scale * sums.log_likelihood, scale * sums.log_certainty
        return Criteria(
            self._weight_of_all, *scores, self._options_of(key).grounds.n_parameters(found)
        )

    def _first_look(self, key: Key, n_threads: int) -> None:
        """The search of a cell by itself."""
        if self.is_stopped or key in self.state.looks["first"]:
            return
        began = perf_counter()
        starts = [*self._sample(key).partitions(key[0]), *self._searches(key, n_threads)]
        found, _ = self._searched(key, "first", starts, None, Budget(0, _OWN), n_threads)
        self._is_taken("first", key, found, began)

    def _scores(self, found: Mapping[Key, Mixture | str | None]) -> dict[Key, float]:
        """BIC on the sample, of those of a grid that have a mixture."""
        return {
            key: self._on_sample(key, one, self._request.n_threads).bic
            for key, one in found.items()
            if isinstance(one, Mixture)
        }

    def _by_promise(self) -> list[Key]:
        """The cells, the best so far first: where the sweep is stopped, those are done."""
        scores = self._scores({key: self.state.latest(key) for key in self._request.keys})
        return sorted(self._request.keys, key=lambda key: scores.get(key, np.inf))

    def _exchange(self, k: int, n_threads: int) -> None:
        """Every structure of a column, from narrow to wide, from what others found by themselves."""
        look, names = self.state.looks["exchanged"], self._columns[k]
        if all((k, name) in look for name in names):
            return
        first = {
            name: self._starts_at([self.state.looks["first"][k, name]], n_threads) for name in names
        }
        better: dict[str, list[Given]] = {}
        for name in names:
            if self.is_stopped:
                return
            key, began = (k, name), perf_counter()
            narrower = [one for one in better if _is_narrower(one, name)]
            starts = [
                *self._from_neighbours(key, n_threads),
                *(start for other in names if other != name for start in first[other]),
                *(start for other in narrower for start in better[other]),
            ]
            before = self.state.looks["first"][key]
            budget = Budget(_MOVING)
            found, others = self._searched(key, "exchanged", starts, before, budget, n_threads)
            # A sweep that goes on amid a column needs once more what wider structures begin at.
            if key not in look and not self._is_taken("exchanged", key, found, began):
                return
            new = [one for one in (found, *others) if one is not before]
            better[name] = self._starts_at(new, n_threads)

    def _finish(self, key: Key, n_threads: int) -> None:
        found = self.state.latest(key)
        is_ready = key in self.state.looks["exchanged"]
        if self.is_stopped or key in self.state.cells or found is None or not is_ready:
            return
        began = perf_counter()
        if isinstance(found, str):
            cell = Cell(*key, failure=found)
        else:
            cell = self._fitted(key, found, self._blocks.with_threads(n_threads))
        self._is_taken("finished", key, cell, began)

    # One cell

    def _options_of(self, key: Key) -> Options:
        """How EM runs for a cell."""
        grounds = self._options.grounds
        known = self._request.known.get(key, NOTHING)
        kind = replace(kind_of(key[1], grounds.kind), known=known)
        return replace(self._options, grounds=replace(grounds, kind=kind))

    def _m_step(self, key: Key) -> MStep:
        return self._options_of(key).m_step(structure_of(key[1]))

    def _searched(
        self,
        key: Key,
        look: str,
        starts: Sequence[Given],
        before: Mixture | str | None,
        budget: Budget,
        n_threads: int,
    ) -> tuple[Mixture | str, list[Mixture]]:
        """The best that is found, `before` where nothing is better; and others that are better than it."""
        k, name = key
        kind = structure_of(name)
        incumbent = before if isinstance(before, Mixture) else None
        needed = rows_needed(kind, self._blocks.shape[1])
        known = self._request.known.get(key, NOTHING)
        if k * needed > self._rows_in_all and not known.has_covariances:
            failure = f"{k} components on {self._rows_in_all:.6g} rows: the covariance of one needs {needed}"
            return failure, []
        try:
            found, others = search_from(
                starts,
                self._sample(key).rows,
                self._m_step(key),
                k,
                self._seed_of(key, look),
                budget,
                self._options.deadline,
                incumbent,
                self._stop,
                n_threads,
            )
        except SingularCovarianceError as error:
            return incumbent or str(error), []
        # The same object, so that what has not changed is known as such.
        if incumbent is not None and np.array_equal(found.means, incumbent.means):
            return incumbent, others
        return found, others

    def _starts_at(self, found: Iterable[Mixture | str], n_threads: int) -> list[Given]:
        """Starts for as many components, at the mixtures among what is found."""
        return [
            (one.structure.name, self._responsibilities(one, one.n_components, n_threads))
            for one in found
            if isinstance(one, Mixture)
        ]

    def _responsibilities(self, found: Mixture, k: int, n_threads: int) -> FloatArray:
        """Those of the rows that searches for k components see."""
        given = self._samples[self._size(k)].rows.responsibilities(found, n_threads)
        # Those of noise are what is left.
        return np.ascontiguousarray(given[:, : found.n_components], dtype=np.float64)

    def _searches(self, key: Key, n_threads: int) -> Iterable[Given]:
        """Ends of searches as `GaussianMixture` makes them, where more than one start is asked for."""
        k, _ = key
        sample = self._sample(key)
        for number in range(1, self._request.n_init):
            seed, options = self._seed_of(key, "first", number), self._options
            try:
                found, *_ = search_rows(
                    sample.rows,
                    self._m_step(key),
                    k,
                    seed,
                    options.deadline,
                    self._stop,
                    n_threads,
                )
            except SingularCovarianceError:
                continue
            yield "search", self._responsibilities(found, k, n_threads)

    def _from_neighbours(self, key: Key, n_threads: int) -> Iterable[Given]:
        k, name = key
        first = self.state.looks["first"]
        fewer, more = first.get((k - 1, name)), first.get((k + 1, name))
        if isinstance(fewer, Mixture):
            given = self._responsibilities(fewer, k, n_threads)
            found = split(fewer, given, self._sample(key).rows, self._m_step(key))
            if found is not None:
                yield "split", found
        if isinstance(more, Mixture):
            yield "merge", merged(more, self._responsibilities(more, k, n_threads))

    def _fitted(self, key: Key, found: Mixture, blocks: Blocks) -> Cell:
        """EM over all rows."""
        options = replace(self._options_of(key), stop=self._stop)
        begin = partial(_unchanged, found)
        beginnings = [Beginning("sweep", None, begin, accelerate=True, is_found=True)]
        if blocks.has_missing:  # the searches saw them completed once, this one does it again
            seed = self._seed_of(key, "completed")
            search_again = partial(self._search_again, key, seed)
            beginnings.append(Beginning("auto", seed, search_again, accelerate=True, is_found=True))
        fit, _ = best_fit(beginnings, blocks, options)
        if self._stop.is_set():
            raise SearchStopped
        return self._standing_by_itself(_cell_of(key, fit, blocks, options))

    def _search_again(
        self, key: Key, seed: int, blocks: Blocks
    ) -> tuple[Mixture, list[StartRecord]]:
        options = replace(self._options_of(key), stop=self._stop)
        return search_incomplete(blocks, structure_of(key[1]), key[0], seed, options)

    def _standing_by_itself(self, cell: Cell) -> Cell:
        """The cell, with a failure where reg_covar alone keeps its covariances from being singular."""
        has_matrices = structure_of(cell.name).has_matrices
        if cell.failure or not (has_matrices and self._are_matrices_held_up):
            return cell
        return replace(cell, failure=HELD_UP_BY_ALL)

    def _only_matrices_are_held_up(self) -> bool:
        """Whether covariance matrices depend on reg_covar, and others in the grid do not."""
        kinds = {
            kind.has_matrices: kind
            for _, name in self._request.keys
            for kind in [structure_of(name)]
        }
        held_up = [
            are_held_up(self._blocks, kinds[has_matrices], self._options.reg_covar)
            for has_matrices in (False, True)
            if has_matrices in kinds
        ]
        return held_up == [False, True]

    def _as_it_is(self, key: Key, mixture: Mixture) -> Cell:
        beginning = Beginning("sweep", None, partial(_unchanged, mixture))
        options = self._options_of(key)
        fit, _ = best_fit([beginning], self._blocks, _as_given(options))
        cell = _cell_of(key, fit, self._blocks, options)
        return replace(cell, failure=cell.failure or NOT_FINISHED)

    def _seed_of(self, key: Key, look: str, number: int = 0) -> int:
        k, name = key
        letters = name.replace(structure_of(name).name, _letters(name), 1)
        entropy = f"{self._request.seed} {k} {letters} {look} {number}"
        return int.from_bytes(blake2b(entropy.encode(), digest_size=4).digest(), "big")

    # Rows

    def _size(self, k: int) -> int:
        """Rows that searches for k components see: few sizes serve all k, and none depends on the grid."""
        n_rows, n_features = self._blocks.shape
        least = rows_of_a_search(1, n_features)
        times = -(-rows_of_a_search(k, n_features) // least)
        return min(least << (times - 1).bit_length(), n_rows)

    def _sample(self, key: Key) -> Sample:
        return self._samples[self._size(key[0])]

    def _drawn(self) -> dict[int, Sample]:
        """A sample of each size that is needed."""
        most = {self._size(k): k for k in sorted(self._columns)}
        return {
            size: Sample(self._blocks, size, self._request.seed, k, self._options.grounds)
            for size, k in most.items()
        }


class Sample:
    """The rows that searches see, and partitions of them into up to `most` clusters."""

    def __init__(self, blocks: Blocks, n_rows: int, seed: int, most: int, grounds: Grounds) -> None:
        rng = RandomState(seed)
        counted = grounds.kind.has_pseudo_counts
        self.rows = searched(blocks, n_rows, rng, grounds.min_rows, stand_for_all=counted)
        self._m_step = replace(grounds, kind=GAUSSIAN).m_step(structure("EEE"))
        self._partitions = self._merged(most, rng)

    def partitions(self, k: int) -> list[Given]:
        """Starts with k components, of rows that were merged pair by pair."""
        return [(kind, np.eye(k)[labels[k]]) for kind, labels in self._partitions if k in labels]

    def _merged(self, most: int, rng: RandomState) -> list[tuple[str, dict[int, Array]]]:
        """Partitions in three metrics: the data's units, standard deviations, none."""
        sample = self.rows.blocks.sample(_MERGED_ROWS, rng)
        sample = replace(sample, X=np.ascontiguousarray(sample.X, dtype=np.float64))
        rows, weight = sample.X, sample.weight
        most = min(most, len(rows))
        mean = np.average(rows, axis=0, weights=weight)
        spread = np.sqrt(np.average((rows - mean) ** 2, axis=0, weights=weight))
        scaled = rows / np.where(spread > 0, spread, 1.0)
        found = [
            ("merged rows", merged_partitions(rows, weight, most)),
            ("Ward, scaled", wards_partitions(scaled, weight, most)),
            ("Ward", wards_partitions(rows, weight, most)),
        ]
        if len(rows) == len(self.rows.X):
            return found
        return [
            (kind, {k: self._spread(labels, sample, k) for k, labels in partitions.items()})
            for kind, partitions in found
        ]

    def _spread(self, labels: Array, rows: Rows, k: int) -> Array:
        """Labels of all rows, from those of some of them."""
        given = LabelResponsibilities(labels, k)
        try:
            mixture = mixture_of(given, ArrayBlocks(rows), self._m_step, k)
        except SingularCovarianceError:
            return np.zeros(len(self.rows.X), dtype=np.int64)
        return labels_of(mixture, self.rows.X, self.rows.blocks.n_threads)


def _until_stopped(job: Callable[[int], None], n_threads: int) -> None:
    """Run a job, or what of it is done before the sweep is stopped."""
    with suppress(SearchStopped):
        job(n_threads)


def _letters(name: str) -> str:
    return structure_of(name).letters


def _is_narrower(one: str, name: str) -> bool:
    """Whether every mixture of the one model is one of the other."""
    return (
        is_within(_letters(one), _letters(name))
        and has_tails(one) <= has_tails(name)
        and has_noise(one) <= has_noise(name)
    )


def _unchanged(mixture: Mixture, _: Blocks) -> tuple[Mixture, list[StartRecord]]:
    return mixture, []


def _as_given(options: Options) -> Options:
    return Options(options.grounds, options.tol, max_iter=0)


def _cell_of(key: Key, fit: Fit, blocks: Blocks, options: Options) -> Cell:
    facts = fit.facts(blocks.shape[0], options)
    return Cell(
        *key,
        failure=fit.doubt,
        degenerate=fit.is_degenerate,
        mixture=fit.mixture.frozen(),
        facts=replace(facts, statistics=None),  # K d^2 numbers
    )
