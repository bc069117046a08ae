"""Checkpoints: a fit that is interrupted ends with the bits of one that is not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import forked
from mixtura import GaussianMixture, ModelFileError, from_batches, load
from mixtura.sources import source as source_module

PARAMETERS = ("weights_", "means_", "covariances_", "precisions_cholesky_")


def overlapping(n_rows=800, d=3, k=3, seed=0):
    rng = np.random.default_rng(seed)
    means = 1.6 * rng.standard_normal((k, d))
    labels = rng.integers(0, k, n_rows)
    return means[labels] + rng.standard_normal((n_rows, d))


class Interruption(BaseException):
    pass


class StopAt:
    """A callback that ends the fit by force."""

    def __init__(self, *iterations):
        self.left = list(iterations)
        self.heard = []

    def __call__(self, iteration, _mixture, _log_likelihood):
        self.heard.append(iteration)
        if self.left and iteration == self.left[0]:
            self.left.pop(0)
            raise Interruption


def assert_same_fit(ours, theirs):
    for name in PARAMETERS:
        assert_array_equal(getattr(ours, name), getattr(theirs, name))
    assert ours.lower_bounds_ == theirs.lower_bounds_
    assert ours.n_iter_ == theirs.n_iter_
    assert ours.converged_ == theirs.converged_
    assert [*map(repr, ours.starts_)] == [*map(repr, theirs.starts_)]  # NaN of starts that failed
    assert_array_equal(ours.remaining_gain_, theirs.remaining_gain_)
    assert_array_equal(ours.diagnosis_.effective_rows, theirs.diagnosis_.effective_rows)


@pytest.mark.filterwarnings("ignore:.*did not converge")
@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical", "VVE", "VEE", "VEV"])
@pytest.mark.parametrize("accelerate", [False, True])
def test_an_interrupted_fit_ends_with_the_same_bits(kind, accelerate, tmp_path):
    X = overlapping()
    params = {
        "n_components": 3,
        "covariance_type": kind,
        "init_params": "random_from_data",
        "accelerate": accelerate,
        "random_state": 3,
        "tol": 1e-9,
        "max_iter": 60,
    }
    whole = GaussianMixture(**params, callback=StopAt()).fit(X)
    path = tmp_path / "fit.safetensors"
    stops = StopAt(4, 11, 12)
    for _ in range(3):
        fit = GaussianMixture(**params, callback=stops, checkpoint=path, resume=True)
        with pytest.raises(Interruption):
            fit.fit(X)
    ours = fit.fit(X)
    assert_same_fit(ours, whole)
    assert stops.heard.count(1) == 1, "it went on, and did not begin again"
    assert list(tmp_path.iterdir()) == [path]


def test_with_no_tolerance(tmp_path):
    """What tol=0 remembers is the highest likelihood so far."""
    X = overlapping(300)
    params = {"n_components": 2, "tol": 0.0, "init_params": "random", "random_state": 0}
    params["max_iter"] = 5000
    whole = GaussianMixture(**params).fit(X)
    ours = GaussianMixture(
        **params, callback=StopAt(15, 30), checkpoint=tmp_path / "c", resume=True
    )
    for _ in range(2):
        with pytest.raises(Interruption):
            ours.fit(X)
    assert_same_fit(ours.fit(X), whole)


@pytest.mark.filterwarnings("ignore:.*did not converge")
@pytest.mark.parametrize("stop", [(3,), (9, 4)])
def test_several_starts(stop, tmp_path):
    """The best of the starts that are done, and the rest of the others."""
    X = overlapping()
    params = {
        "n_components": 3,
        "n_init": 4,
        "init_params": "random",
        "random_state": 5,
        "max_iter": 80,
        "tol": 1e-6,
    }
    whole = GaussianMixture(**params).fit(X)
    starts = []

    class InLaterStarts(StopAt):
        def __call__(self, iteration, mixture, log_likelihood):
            starts.append(iteration == 1)
            if sum(starts) > 2:
                super().__call__(iteration, mixture, log_likelihood)

    ours = GaussianMixture(
        **params, callback=InLaterStarts(*stop), checkpoint=tmp_path / "c", resume=True
    )
    for _ in stop:
        with pytest.raises(Interruption):
            ours.fit(X)
    assert_same_fit(ours.fit(X), whole)


def test_weights_and_float32(tmp_path):
    X = overlapping().astype(np.float32)
    weight = np.random.default_rng(0).uniform(0, 2, len(X))
    params = {"n_components": 3, "random_state": 0, "tol": 1e-8}
    whole = GaussianMixture(**params).fit(X, sample_weight=weight)
    ours = GaussianMixture(**params, checkpoint=tmp_path / "c", resume=True, callback=StopAt(2))
    with pytest.raises(Interruption):
        ours.fit(X, sample_weight=weight)
    assert_same_fit(ours.fit(X, sample_weight=weight), whole)
    with pytest.raises(ValueError, match="other rows or weights"):
        ours.fit(X)


def test_a_drawn_seed_is_kept(tmp_path):
    """Without a random_state the seed that was drawn is that of the continuation too."""
    X = overlapping()
    seeds = []
    for _ in range(2):
        params = {"init_params": "random", "checkpoint": tmp_path / "c", "resume": True}
        ours = GaussianMixture(3, **params, callback=StopAt(2) if not seeds else None)
        if not seeds:
            with pytest.raises(Interruption):
                ours.fit(X)
            seeds.append(None)
    ours.fit(X)
    again = GaussianMixture(3, init_params="random", random_state=ours.starts_[0].seed).fit(X)
    assert_array_equal(ours.means_, again.means_)


def test_a_finished_fit_is_not_made_again(tmp_path):
    X = overlapping()
    params = {"n_components": 3, "random_state": 0, "checkpoint": tmp_path / "c"}
    first = GaussianMixture(**params).fit(X)
    heard = StopAt()
    again = GaussianMixture(**params, resume=True, callback=heard).fit(X)
    assert_same_fit(again, first)
    assert heard.heard == []


def test_more_iterations_go_on_from_the_last(tmp_path):
    X = overlapping()
    params = {"init_params": "random", "random_state": 0, "tol": 1e-8, "checkpoint": tmp_path / "c"}
    with pytest.warns(match="did not converge"):
        GaussianMixture(3, max_iter=7, **params).fit(X)
    heard = StopAt()
    ours = GaussianMixture(3, max_iter=900, resume=True, callback=heard, **params).fit(X)
    assert min(heard.heard) == 7
    params.pop("checkpoint")
    assert_same_fit(ours, GaussianMixture(3, max_iter=900, **params).fit(X))


def test_without_a_file_it_begins(tmp_path):
    X = overlapping()
    ours = GaussianMixture(3, random_state=0, checkpoint=tmp_path / "c", resume=True).fit(X)
    assert_same_fit(ours, GaussianMixture(3, random_state=0).fit(X))


def test_without_resume_an_old_file_is_replaced(tmp_path):
    X = overlapping()
    path = tmp_path / "c"
    GaussianMixture(2, random_state=0, checkpoint=path).fit(X)
    three = GaussianMixture(3, random_state=0, checkpoint=path).fit(X)
    again = GaussianMixture(3, random_state=0, checkpoint=path, resume=True).fit(X)
    assert_same_fit(again, three)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_components": 4}, "n_components=3, but n_components is now 4"),
        ({"covariance_type": "tied"}, "covariance_type='full'"),
        ({"random_state": 1}, "random_state=0"),
        ({"tol": 1e-3}, "tol=1e-07"),
    ],
)
def test_other_arguments_are_refused(change, message, tmp_path):
    X = overlapping()
    params = {"n_components": 3, "random_state": 0, "checkpoint": tmp_path / "c"}
    GaussianMixture(**params).fit(X)
    with pytest.raises(ValueError, match=message):
        GaussianMixture(**params | change, resume=True).fit(X)


def test_other_rows_are_refused(tmp_path):
    X = overlapping()
    params = {"n_components": 3, "random_state": 0, "checkpoint": tmp_path / "c"}
    GaussianMixture(**params).fit(X)
    for other in (X[:-1], X + 1e-9, X.astype(np.float32)):
        with pytest.raises(ValueError, match="other rows"):
            GaussianMixture(**params, resume=True).fit(other)


def test_what_is_no_checkpoint_is_refused(tmp_path):
    X = overlapping()
    path = tmp_path / "fit.safetensors"
    fit = GaussianMixture(2, random_state=0, checkpoint=path, resume=True)
    model = GaussianMixture(2, random_state=0).fit(X)
    model.save(path)
    with pytest.raises(ModelFileError, match="not the checkpoint of a fit"):
        fit.fit(X)
    path.write_bytes(b"not a file of numbers")
    with pytest.raises(ModelFileError, match="truncated, damaged"):
        fit.fit(X)
    with pytest.raises(FileExistsError, match="something else than the state of a fit"):
        GaussianMixture(2, random_state=0, checkpoint=path).fit(X)
    assert path.read_bytes() == b"not a file of numbers"
    path.unlink()
    GaussianMixture(2, random_state=0, checkpoint=path).fit(X)
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(ModelFileError, match="truncated, damaged"):
        fit.fit(X)


def test_resume_needs_a_file():
    with pytest.raises(ValueError, match="name it with checkpoint="):
        GaussianMixture(2, resume=True).fit(overlapping())


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize(
    ("place", "error", "words"),
    [
        ("no/c", FileNotFoundError, "the folder .*no does not exist"),
        (".", IsADirectoryError, "is a folder"),
        ("closed/c", PermissionError, "closed is not writable"),
    ],
)
def test_where_nothing_can_be_written_no_row_is_read(
    place, error, words, resume, tmp_path, monkeypatch
):
    """The first write would come after a minute, and take the fit with it."""
    (tmp_path / "closed").mkdir()
    # For the system's administrator no folder is closed.
    monkeypatch.setattr(os, "access", lambda path, _: Path(path).name != "closed")
    heard, read = StopAt(), []

    def batches():
        read.append(1)
        yield overlapping()

    fit = GaussianMixture(2, checkpoint=tmp_path / place, resume=resume, callback=heard)
    for rows in (overlapping(), from_batches(batches)):
        with pytest.raises(error, match=f"cannot write .*{words}"):
            fit.fit(rows)
    assert not heard.heard
    assert not read
    assert not list(tmp_path.rglob("*.*"))


def test_a_loaded_model_leaves_the_file_alone(tmp_path):
    X = overlapping()
    path = tmp_path / "c"
    GaussianMixture(2, random_state=0, checkpoint=path).fit(X).save(tmp_path / "model")
    before = path.read_bytes()
    load(tmp_path / "model").set_params(n_components=3).fit(X)
    assert path.read_bytes() == before


# Rows in a folder by where they lie: as an array, in files that are read again at every iteration, on Dask.
PLACES = {
    "array": """
import numpy as np
X = np.load(folder / "rows.npy")
""",
    "files": """
import mixtura
from mixtura.sources import source as source_module
source_module._PART_ROWS = 101
X = mixtura.scan(folder / "*.parquet", max_memory=0)
""",
    "Dask": """
import dask.array, numpy as np
X = dask.array.from_array(np.load(folder / "rows.npy"), chunks=(201, -1))
""",
}

SCRIPT = """
import signal, sys, time
from pathlib import Path
from mixtura import GaussianMixture
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a background job ignores
folder = Path(sys.argv[1])
if sys.argv[2] == "Dask":
    from distributed import Client
    client = Client(processes=False, n_workers=1, threads_per_worker=1, dashboard_address=":0")
{place}
GaussianMixture(3, init_params="random", random_state=0, tol=1e-7, max_iter=4000,
                checkpoint=folder / "fit.safetensors", checkpoint_interval=0, resume=True,
                callback=lambda i, mixture, bound: time.sleep(0.02)).fit(X)
"""


@pytest.fixture
def rows_in(monkeypatch):
    """The rows in a folder as the script has them, but for its cluster: that changes no bit."""

    def rows(folder, place):
        names = {"folder": folder}
        exec(PLACES[place], names)
        return names["X"]

    monkeypatch.setattr(
        source_module, "_PART_ROWS", source_module._PART_ROWS
    )  # put back at the end
    return rows


@pytest.mark.parametrize(
    ("place", "how"),
    [
        ("array", signal.SIGKILL),
        ("array", signal.SIGINT),
        ("files", signal.SIGKILL),
        ("Dask", signal.SIGKILL),
    ],
)
def test_a_killed_process_goes_on(place, how, tmp_path, rows_in):
    """From the file alone, wherever the rows lie."""
    path = tmp_path / "fit.safetensors"
    write_rows(tmp_path, overlapping(), place)
    process = forked.Popen(
        [sys.executable, "-c", SCRIPT.format(place=PLACES[place]), str(tmp_path), place],
        stderr=subprocess.PIPE,
    )
    _wait_for(path)
    time.sleep(0.5)
    os.kill(process.pid, how)
    process.communicate(timeout=60)
    assert process.returncode != 0
    X = rows_in(tmp_path, place)
    params = {"init_params": "random", "random_state": 0, "tol": 1e-7, "max_iter": 4000}
    heard = StopAt()
    ours = GaussianMixture(3, **params, checkpoint=path, resume=True, callback=heard).fit(X)
    assert heard.heard[0] > 1
    assert_same_fit(ours, GaussianMixture(3, **params).fit(X))


def write_rows(folder, X, place):
    if place == "Dask":
        pytest.importorskip("distributed")
    if place != "files":
        np.save(folder / "rows.npy", X)
        return
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    for number, part in enumerate(np.array_split(X, 3)):
        table = pa.table({f"x{j}": column for j, column in enumerate(part.T)})
        pq.write_table(table, folder / f"{number}.parquet")


def _wait_for(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.filterwarnings("ignore::mixtura.DataWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_fit_that_needed_a_larger_reg_covar_goes_on_with_it(tmp_path):
    """Columns that are multiples of one: in float32 the first reg_covar fails at every start."""
    factor = np.random.default_rng(0).normal(size=(300, 1)) + 5 * (np.arange(300) % 2)[:, None]
    X = (factor * np.arange(1, 65)).astype(np.float32)
    params = {"init_params": "kmeans", "n_init": 2, "random_state": 0, "max_iter": 12}
    whole = GaussianMixture(2, **params).fit(X)
    path = tmp_path / "fit.safetensors"
    fit = GaussianMixture(2, **params, callback=StopAt(4), checkpoint=path, resume=True)
    with pytest.raises(Interruption):
        fit.fit(X)
    assert_same_fit(fit.fit(X), whole)
    assert_same_fit(fit.fit(X), whole)  # all of it from the file
    assert_array_equal(fit._trained.reg_covar, whole._trained.reg_covar)
