"""What is said of the columns of ugly tables is true, and no check ends a fit."""

from __future__ import annotations

import re
import sys
import warnings

import dask
import dask.array as da
import numpy as np
import pytest
from scipy.stats import random_correlation
from sklearn.model_selection import GridSearchCV

import forked
import mixtura
from mixtura import DataWarning, GaussianMixture, GaussianMixtureSearch
from mixtura.fitting import warnings as fitting_warnings
from mixtura.fitting.findings import column_findings, row_findings
from mixtura.rows import ArrayBlocks, Rows


def normal(n_columns=1, n_rows=300, seed=0):
    return np.random.default_rng(seed).normal(size=(n_rows, n_columns))


def dummies():
    """A column, and two dummies that add up to one: more than half of their values are the same."""
    male = (np.random.default_rng(1).random(300) < 0.6).astype(float)
    return np.column_stack([normal(), male, 1 - male])


def rain():
    """Rain on some days only, beside two numbers and their sum."""
    fell = np.random.default_rng(1).random(300) < 0.3
    two = normal(2, seed=2)
    return np.column_stack([np.where(fell, np.exp(normal()[:, 0]), 0.0), two, two.sum(axis=1)])


def temperatures():
    return np.column_stack([rain()[:, 0], 15 + 5 * normal(), 32 + 1.8 * (15 + 5 * normal())])


def composition():
    """Shares, many of them 0, that add up to 1, beside another column."""
    shares = (
        np.maximum(normal(3) - 1, 0) + np.eye(3)[np.arange(300) % 3] * (np.arange(300) % 2)[:, None]
    )
    shares = np.column_stack([shares, 1 - np.minimum(shares.sum(axis=1), 0.5)])
    return np.column_stack([normal(seed=3), shares / shares.sum(axis=1, keepdims=True)])


def saturated():
    """A channel that most often stands at its end, and its sum with another."""
    channel = np.minimum(normal(seed=4)[:, 0], -0.5)
    return np.column_stack([channel, normal()[:, 0], channel + normal()[:, 0], normal(seed=5)])


def far_row():
    """One row far away in two columns, one of which is 0 in all others, beside a constant column."""
    X = np.column_stack([normal(), np.zeros(300), np.ones(300)])
    X[7, :2] = 1e12
    return X


@pytest.mark.parametrize(
    ("make", "among"),
    [
        (dummies, ["columns 1, 2"]),
        (rain, ["columns 1, 2, 3"]),
        (temperatures, ["columns 1, 2"]),
        (composition, ["columns 1, 2, 3, 4"]),
        (saturated, ["columns 0, 1, 2"]),
        (lambda: np.column_stack([dummies(), rain()[:, 1:]]), ["columns 1, 2", "columns 3, 4, 5"]),
        (far_row, []),
    ],
)
@pytest.mark.parametrize("unit", [1.0, 2.0**500, 2.0**-500])
def test_dependent_columns_are_named_set_by_set(make, among, unit):
    _, found = column_findings(ArrayBlocks(Rows(unit * make())), None)
    assert found == [f"{columns} are linearly dependent" for columns in among]


@pytest.mark.parametrize("n_features", [2, 7])
@pytest.mark.parametrize(("least", "found"), [(1e-5, 0), (2e-9, 0), (5e-10, 1), (1e-12, 1)])
def test_columns_depend_where_the_least_eigenvalue_of_their_correlations_is_1e_9(
    n_features, least, found
):
    values = np.r_[least, np.full(n_features - 1, (n_features - least) / (n_features - 1))]
    correlations = random_correlation.rvs(values, random_state=0, tol=1e-8)
    assert np.linalg.eigvalsh(correlations)[0] == pytest.approx(least, rel=1e-2)
    values, vectors = np.linalg.eigh(correlations)
    noise = np.random.default_rng(1).normal(size=(300, n_features))
    orthonormal, _ = np.linalg.qr(np.column_stack([np.ones(300), noise]))
    X = orthonormal[:, 1:] * np.sqrt(np.abs(values)) @ vectors.T  # centred, with these correlations
    assert len(column_findings(ArrayBlocks(Rows(X)), None)[1]) == found


def fitted(model):
    return lambda X, _: model.fit(X)


def scanned(X, folder):
    np.savetxt(folder / "rows.csv", X, delimiter=",", header="x,male,female", comments="")
    return GaussianMixture(2, random_state=0).fit(mixtura.scan(folder / "rows.csv"))


def batched(X, _):
    source = mixtura.from_batches(lambda: iter([X[:100], X[100:]]))
    return GaussianMixture(2, random_state=0).fit(source)


def of_dask(X, _):
    with dask.config.set(scheduler="threads"):
        return GaussianMixture(2, random_state=0).fit(da.from_array(X, chunks=(100, -1)))


DOORS = {
    "one component": fitted(GaussianMixture()),
    "full": fitted(GaussianMixture(2, random_state=0)),
    "diag": fitted(GaussianMixture(2, covariance_type="diag", random_state=0)),
    "stream": lambda X, _: GaussianMixture(2, random_state=0).partial_fit(X),
    "search": fitted(GaussianMixtureSearch([1, 2], ["EII", "VVV"], random_state=0)),
    "grid": fitted(
        GridSearchCV(
            GaussianMixture(random_state=0), {"n_components": [1, 2]}, cv=2, error_score="raise"
        )
    ),
    "files": scanned,
    "batches": batched,
    "dask": of_dask,
}


@pytest.mark.parametrize("door", DOORS)
def test_dummies_are_fitted_and_named_at_every_door(door, tmp_path):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        DOORS[door](dummies(), tmp_path)
    messages = [
        str(warning.message) for warning in caught if issubclass(warning.category, DataWarning)
    ]
    assert re.match(r"Columns 1\b.* 2\b.* are linearly dependent: ", messages[0])
    assert not any("failed" in message for message in messages)


def test_dummies_are_fitted_and_named_by_the_command(tmp_path):
    np.savetxt(tmp_path / "rows.csv", dummies(), delimiter=",", header="x,male,female", comments="")
    command = [sys.executable, "-m", "mixtura", "fit", "rows.csv", "-k", "2"]
    done = forked.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "are linearly dependent" in " ".join(done.stderr.split())


# A check that fails


def breaking(*_, **__):
    raise ZeroDivisionError("none left")


BREAKABLE = {
    "columns": (fitting_warnings, "column_warning"),
    "components": (fitting_warnings, "_shares"),
}


@pytest.mark.parametrize(
    ("what", "kind"),
    [
        ("columns", GaussianMixture),
        ("components", GaussianMixture),
        ("columns", GaussianMixtureSearch),
    ],
)
def test_a_check_that_fails_is_told_and_ends_no_fit(what, kind, monkeypatch):
    X = normal(2)
    weight = np.ones(len(X))  # of rows without weights the core checks the columns by itself
    sound = kind(1, random_state=0, reg_covar=1e-9).fit(X, sample_weight=weight)
    monkeypatch.setattr(*BREAKABLE[what], breaking)
    with pytest.warns(DataWarning) as caught:
        told = kind(1, random_state=0, reg_covar=1e-9).fit(X, sample_weight=weight)
    assert told.score(X) == sound.score(X)
    (warning,) = caught
    assert f"check of the {what} failed (ZeroDivisionError: none left)" in str(warning.message)
    assert warning.filename == __file__


def test_what_a_check_found_before_it_failed_is_said():
    def doubts():
        yield DataWarning, "Found."
        breaking()

    with pytest.warns(DataWarning) as caught:
        fitting_warnings.warn_of("columns", doubts(), stacklevel=1)
    assert [str(warning.message)[:8] for warning in caught] == ["Found.", "A check "]


def test_warnings_that_the_user_made_errors_are_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(DataWarning, match="olumns 1, 2 are linearly dependent"):
            GaussianMixture(2, random_state=0).fit(dummies())


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeWarning])
def test_who_interrupts_a_check_ends_the_fit(error, monkeypatch):
    def interrupted(*_):
        raise error

    monkeypatch.setattr(fitting_warnings, "column_warning", interrupted)
    with pytest.raises(error):
        GaussianMixture(2, random_state=0).fit(normal(2)[:4])


# Tables of every kind


def ugly_column(rng, n_rows, before):
    """A column as tables have them; some are made of those before it."""
    one, other = (before[rng.integers(len(before))] if before else np.ones(n_rows) for _ in "ab")
    values = rng.normal(size=n_rows)
    last = np.arange(n_rows) == n_rows - 1
    makers = [
        lambda: values,
        lambda: (rng.random(n_rows) < rng.choice([0.02, 0.3, 0.6, 0.95])).astype(float),
        lambda: np.full(n_rows, rng.choice([0.0, 0.1, 7.0, 1e160])),
        lambda: 0.1 + 1e-17 * rng.integers(-1, 2, n_rows),
        lambda: rng.poisson(1.0, n_rows).astype(float),
        lambda: np.minimum(values, 0.0),
        lambda: rng.standard_cauchy(n_rows),
        lambda: last * 1e9,
        lambda: values + last * 1e9,
        lambda: 1 - one,
        lambda: one + other,
        lambda: 1.8 * one + 32,
        lambda: one.copy(),
        lambda: one + 1e-7 * values,
        lambda: one * 1e160,
        lambda: one * 1e-160,
    ]
    with np.errstate(all="ignore"):
        column = makers[rng.integers(len(makers))]()
    return column if np.isfinite(column).all() else values


def ugly_table(seed):
    rng = np.random.default_rng(seed)
    n_rows, n_columns = int(rng.choice([2, 3, 5, 10, 40, 300])), int(rng.integers(1, 9))
    columns = []
    for _ in range(n_columns):
        columns.append(ugly_column(rng, n_rows, columns))
    X = np.column_stack(columns)
    single = rng.random() < 0.3 and np.abs(X).max() < 1e30
    return X.astype(np.float32) if single else X


def assert_true(phrase, X):
    named = [int(number) for number in re.findall(r"\d+", phrase.split(" (")[0])]
    columns = X[:, named].astype(np.float64)
    if "constant" in phrase:
        assert (columns == columns[0]).all()
    elif "equal" in phrase:
        assert np.array_equal(columns[:, 0], columns[:, 1])
    else:
        # Each of them is a combination of the others.
        columns = columns - columns[0]
        columns /= np.abs(columns).max(axis=0)
        columns -= columns.mean(axis=0)
        columns /= np.linalg.norm(columns, axis=0)
        for j in range(len(named)):
            others = np.delete(columns, j, axis=1)
            fit = others @ np.linalg.lstsq(others, columns[:, j], rcond=None)[0]
            assert np.linalg.norm(columns[:, j] - fit) < 1e-2


@pytest.mark.parametrize("part", range(4))
def test_what_is_found_in_ugly_tables_is_true(part):
    found = 0
    for seed in range(part, 1200, 4):
        X = ugly_table(seed)
        alone, among = column_findings(ArrayBlocks(Rows(X)), None)
        for phrase in (*alone, *among):
            assert_true(phrase, X)
        few = row_findings(ArrayBlocks(Rows(X)), 2)
        n_distinct = len(np.unique(X, axis=0))
        assert bool(few) == (n_distinct <= 4)
        assert ("all others repeat" in few) == (n_distinct <= 4 and n_distinct < len(X))
        found += len(alone) + len(among)
    assert found > 100


@pytest.mark.parametrize("part", range(4))
def test_no_check_of_a_fit_to_ugly_tables_fails(part):
    for seed in range(part, 160, 4):
        X = ugly_table(seed)
        X = X / np.maximum(np.abs(X).max(axis=0), 1e-30)
        spread = np.ptp(X, axis=0)
        X = np.where(
            (spread > 0) & (spread < 1e-140), 0.0, X
        )  # such columns are refused: test_scales.py
        kind = ["full", "tied", "diag", "spherical"][seed // 4 % 4]
        model = GaussianMixture(min(2, len(X)), covariance_type=kind, max_iter=20, random_state=0)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model.fit(X)
        assert not any("failed (" in str(warning.message) for warning in caught)
        assert len(model.diagnosis_.verdict) == model.n_components
