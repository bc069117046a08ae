"""A source of rows that is none of the package's: a table of a data base, fitted where it lies."""

import sqlite3
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.random import RandomState
from numpy.testing import assert_allclose, assert_array_equal

from mixtura import GaussianMixture, SourceError
from mixtura.rows import Rows
from mixtura.sources import Source
from mixtura.sources import source as source_module


@dataclass(frozen=True)
class Records:
    """Some records, one after another: a piece."""

    rows: Rows
    number: int

    @property
    def n_rows(self):
        return len(self.rows)

    def write(self, out, first):
        out.fill(self.rows[first : first + len(out)])

    def place(self, row, column):
        name = "the weight" if column is None else "xy"[column]
        return f"{name} in record {self.number + row} of the table"


class Table(Source):
    """Rows of a table: two features, a weight, and a label that not every row has."""

    feature_names = ("x", "y")
    n_features = 2
    dtype = np.dtype(np.float64)
    is_weighted = True

    def __init__(self, path, max_memory=None):
        super().__init__(max_memory)
        self._path = path

    def __repr__(self):
        return "Table()"

    @property
    def beside(self):
        return {**super().beside, "label": ()}

    def pieces(self, first_row):
        query = "select x, y, weight, coalesce(label, -1) from points limit -1 offset ?"
        cursor = sqlite3.connect(self._path).execute(query, [first_row])
        number = first_row
        while records := cursor.fetchmany(300):
            x, y, weight, label = np.array(records, dtype=np.float64).T
            yield Records(Rows(np.stack([x, y], axis=1), weight, label.astype(int)), number)
            number += len(records)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(source_module, "rows_of_a_part", lambda _: 1_001)


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, 6_000)
    X = rng.normal(size=(6_000, 2)) + 5 * label[:, np.newaxis]
    return Rows(X, rng.uniform(0.5, 2, 6_000), np.where(np.arange(6_000) % 3, -1, label))


@pytest.fixture(params=["kept", "read again"])
def table(request, tmp_path, rows):
    path = tmp_path / "points.db"
    with sqlite3.connect(path) as base:
        base.execute("create table points (x real, y real, weight real, label integer)")
        label = [None if label < 0 else int(label) for label in rows.label]
        records = zip(*rows.X.T.tolist(), rows.weight.tolist(), label, strict=True)
        base.executemany("insert into points values (?, ?, ?, ?)", records)
    return Table(path, max_memory=0 if request.param == "read again" else None)


def test_it_is_fitted_and_scored_as_the_array_of_its_rows(table, rows):
    ours = GaussianMixture(2, random_state=0).fit(table)
    own = {"sample_weight": rows.weight, "labels": rows.label}
    theirs = GaussianMixture(2, random_state=0).fit(rows.X, **own)
    # the rows spread over some units
    assert_allclose(ours.means_, theirs.means_, rtol=0, atol=1e-9)
    assert_array_equal(ours.feature_names_in_, ["x", "y"])
    assert_allclose(ours.score(table), theirs.score(rows.X, **own), rtol=1e-12)
    assert_array_equal(np.concatenate(list(ours.predict(table))), theirs.predict(rows.X))


def test_all_that_its_rows_bring_is_read_cut_and_sampled(table, rows):
    blocks = table.blocks()
    parts = Rows.concatenate(list(blocks.each(lambda part, _: part.rows.copy())))
    assert parts.digest() == rows.digest()
    found = blocks.sample(900, RandomState(0))
    places = {x: i for i, x in enumerate(rows.X[:, 0].tolist())}
    theirs = rows[np.array([places[x] for x in found.X[:, 0].tolist()])]
    assert found.digest() == theirs.digest()


def test_a_fit_of_it_goes_on_where_it_was_stopped(table, tmp_path):
    options = {"random_state": 0, "checkpoint": tmp_path / "fit.state", "tol": 1e-9}
    whole = GaussianMixture(2, random_state=0, tol=1e-9).fit(table)

    stopped = GaussianMixture(2, callback=lambda iteration, *_: iteration == 2, **options)
    stopped.fit(table)
    assert stopped.n_iter_ == 2
    ours = GaussianMixture(2, resume=True, **options).fit(table)
    assert_array_equal(ours.means_, whole.means_)


def test_what_is_no_number_is_named_by_its_place(table):
    with sqlite3.connect(table._path) as base:
        base.execute("update points set y = 9e999 where rowid = 2345")
    with pytest.raises(SourceError, match="y in record 2344 of the table is infinite"):
        GaussianMixture(2).fit(table)
