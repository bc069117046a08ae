"""A new thing that a row brings, as docs/architecture.md shows it: one field that goes with its row."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.random import RandomState

from mixtura.covariance import structure
from mixtura.em import MaximumLikelihood, Monitor, expectation_maximisation
from mixtura.rows import ArrayBlocks, PartitionedBlocks, Rows, distinct_rows
from mixtura.starts import STARTS


@dataclass(frozen=True, eq=False)
class DatedRows(Rows):
    """Rows, each with the day on which it was measured."""

    day: np.ndarray | None = field(
        default=None,
        metadata={"dtype": np.int64, "ndim": (1,), "argument": "day", "plural": "days"},
    )


class Weeks(PartitionedBlocks):
    """Dated rows, a part for each week."""

    def __init__(self, rows, n_threads=1):
        self._rows, self.n_threads = rows, n_threads
        self.shape, self.dtype = rows.shape, np.dtype(np.float64)

    def each(self, task):
        for first in range(0, len(self._rows), 7):
            week = self._rows[first : first + 7]
            yield task(ArrayBlocks(week, self.n_threads), first)

    def in_double(self):
        return self


def dated(n_rows=70):
    day = np.arange(n_rows)
    X = np.stack([np.sin(day) + 5 * (day % 2), np.cos(3 * day)], axis=1)
    return DatedRows(X, day=day)


def go_together(rows):
    return np.array_equal(rows.X, dated().X[rows.day])


def test_it_goes_with_its_row():
    rows = dated()
    assert go_together(rows[rows.day % 3 == 0])
    assert go_together(Rows.concatenate([rows[40:], rows[:10]]))
    assert go_together(rows[::-1].copy())
    assert rows.digest() != DatedRows(rows.X, day=rows.day + 1).digest()


def test_samples_and_parts_bring_it():
    rows = dated()
    for blocks in (ArrayBlocks(rows), Weeks(rows)):
        some = blocks.sample(20, RandomState(0))
        assert len(some) == 20
        assert go_together(some)
        assert go_together(distinct_rows(blocks, 100))


def test_a_fit_runs_on_such_rows():
    found = []
    for blocks in (ArrayBlocks(dated()), Weeks(dated())):
        m_step = MaximumLikelihood(structure("full"), 1e-9 * blocks.variances)
        start = STARTS["kmeans"](blocks, m_step, 2, RandomState(0))
        found.append(expectation_maximisation(start, blocks, m_step, Monitor(1e-9, 100))[0])
    assert np.allclose(found[0].means, found[1].means)
