"""Rows on Dask: the array's statistics, and the same bits whoever works."""

import gc
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from itertools import chain

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from distributed import Client, LocalCluster, futures_of, wait
from distributed.utils import get_mp_context
from numpy.random import RandomState
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

import forked
import mixtura
from mixtura import GaussianMixture, GaussianMixtureSearch, SourceError
from mixtura.em.statistics import from_upper_half
from mixtura.plots import plot_mixture, plot_uncertainty
from mixtura.rows import ArrayBlocks, Rows
from mixtura.rows.dask import DaskBlocks, _Sums, _work
from mixtura.selection import bootstrap_difference, bootstrap_ratio_test, combine
from mixtura.testing.conformance import BlocksConformance, assert_same_statistics
from mixtura.testing.problems import (
    all_go_together,
    random_mixture,
    random_rows,
    rows_that_bring_all,
)

UNEVEN = (1, 699, 1, 2_299, 0, 900, 1_100)


@pytest.fixture(autouse=True, scope="module")
def workers_fork():
    """From a process that has imported what they need, where they are processes."""
    with dask.config.set({"distributed.worker.multiprocessing-method": "forkserver"}):
        # by itself it has Dask only
        get_mp_context().set_forkserver_preload(["distributed", "pandas", "mixtura.rows.dask"])
        yield


def cluster(n_workers, threads_per_worker=1, **options):
    return LocalCluster(
        n_workers=n_workers,
        threads_per_worker=threads_per_worker,
        dashboard_address=":0",
        **options,
    )


@pytest.fixture(scope="module")
def client():
    """Two workers in this process: the graph, keys and futures of a cluster, without its start-up."""
    with cluster(2, processes=False) as workers, Client(workers) as client:
        yield client


@pytest.fixture
def threads():
    with dask.config.set(scheduler="threads"):
        yield


def array_of(X, cuts=UNEVEN):
    return da.from_array(X, chunks=(cuts if sum(cuts) == len(X) else 1_000, -1))


def problem(covariance_type="full", n_rows=5_000):
    rng = np.random.default_rng(3)
    mixture = random_mixture(4, 3, covariance_type, rng)
    X = random_rows(mixture, n_rows, rng)
    return mixture, X, rng.integers(0, 4, n_rows).astype(float)


def frame_of(X, npartitions=5, **more):
    frame = pd.DataFrame(X, columns=["a", "b", "c"]).assign(**more)
    return dd.from_pandas(frame, npartitions=npartitions)


@pytest.mark.usefixtures("threads")
class TestArray(BlocksConformance):
    def blocks(self, X, sample_weight):
        weight = None if sample_weight is None else da.from_array(sample_weight, chunks=1_234)
        return DaskBlocks(array_of(X), weight=weight, n_threads=2)


@pytest.mark.usefixtures("threads")
class TestFrame(BlocksConformance):
    def blocks(self, X, sample_weight):
        frame = frame_of(X, weight=1.0 if sample_weight is None else sample_weight)
        weight = None if sample_weight is None else frame["weight"]
        return DaskBlocks(frame[["a", "b", "c"]], weight=weight)


@pytest.mark.usefixtures("client")
class TestCluster(BlocksConformance):
    def blocks(self, X, sample_weight):
        weight = None if sample_weight is None else da.from_array(sample_weight, chunks=1_234)
        return DaskBlocks(array_of(X), weight=weight)


# The same numbers as an array


@pytest.fixture(params=["threads", "cluster"])
def somewhere(request):
    request.getfixturevalue("threads" if request.param == "threads" else "client")


@pytest.mark.usefixtures("somewhere")
@pytest.mark.parametrize("kind", ["none", "whole", "real"])
def test_weights_and_rows_are_those_of_the_array(kind):
    _, X, whole = problem()
    weight = {"none": None, "whole": whole, "real": whole * np.linspace(0, 1, len(X))}[kind]
    lazy = None if weight is None else da.from_array(weight, chunks=(UNEVEN,))
    ours, theirs = DaskBlocks(array_of(X), weight=lazy), ArrayBlocks(Rows(X, weight))
    assert ours.shape == X.shape
    assert_allclose(ours.weight, theirs.weight, rtol=1e-13)
    assert ours.n_present == theirs.n_present
    assert_allclose(ours.rows_per_weight, theirs.rows_per_weight, rtol=1e-13)
    assert_allclose(ours.variances, theirs.variances, rtol=1e-12)
    for ask in ("sample", "pick"):
        mine, its = (getattr(blocks, ask)(400, RandomState(1)) for blocks in (ours, theirs))
        mine, its = (mine, its) if ask == "pick" else (mine.X, its.X)
        assert_array_equal(mine, its)


@pytest.mark.usefixtures("somewhere")
def test_partitions_bring_all_that_their_rows_do():
    rows = rows_that_bring_all(5_000, np.arange(5_000) % 3)
    lazy = {
        name: da.from_array(values, chunks=(1_234, *values.shape[1:]))
        for name, values in rows.values.items()
    }
    blocks = DaskBlocks(lazy.pop("X"), **lazy)
    for n_rows in (900, 5_000):
        ours, theirs = (one.sample(n_rows, RandomState(0)) for one in (blocks, ArrayBlocks(rows)))
        assert all_go_together(ours)
        assert ours.digest() == theirs.digest()


@pytest.mark.usefixtures("somewhere")
@pytest.mark.filterwarnings("ignore:.*did not converge:sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    ("kind", "covariance_type"),
    [
        *((kind, "full") for kind in ("array", "columns apart", "integers", "unknown", "frame")),
        ("array", "tied"),
        ("array", "spherical"),
        ("frame", "diag"),
        *(
            pytest.param(*case, marks=pytest.mark.nightly)
            for case in (("array", "diag"), ("array", "VEV"), ("frame", "tied"), ("frame", "VEV"))
        ),
    ],
)
def test_fits_are_those_of_the_array(kind, covariance_type):
    _, X, weight = problem(covariance_type)
    X = np.round(100 * X) if kind == "integers" else X
    lazy = array_of(X)
    lazy_weight = da.from_array(weight, chunks=(UNEVEN,))
    if kind == "columns apart":
        lazy = lazy.rechunk((1_000, 2))
    elif kind == "integers":
        lazy = lazy.astype(np.int32)
    elif kind == "unknown":
        keep = X[:, 0] > np.quantile(X[:, 0], 0.1)
        lazy_keep = da.from_array(keep, chunks=(UNEVEN,))
        lazy, lazy_weight = lazy[lazy_keep], lazy_weight[lazy_keep]
        X, weight = X[keep], weight[keep]
    elif kind == "frame":
        frame = frame_of(X, weight=weight)
        lazy, lazy_weight = frame[["a", "b", "c"]], frame["weight"]
    # So many iterations from one start: where EM stops, parameters differ by the square root of rounding.
    model = GaussianMixture(4, covariance_type=covariance_type, random_state=0)
    model.set_params(init_params="kmeans", max_iter=12, tol=0)
    ours = clone(model).fit(lazy, sample_weight=lazy_weight)
    theirs = clone(model).fit(X, sample_weight=weight)
    assert_allclose(ours.means_, theirs.means_, rtol=1e-9, atol=1e-9)
    assert_allclose(ours.covariances_, theirs.covariances_, rtol=1e-9, atol=1e-9)
    for ask in ("score", "bic", "aic", "icl"):
        mine = getattr(ours, ask)(lazy, sample_weight=lazy_weight)
        assert_allclose(mine, getattr(theirs, ask)(X, sample_weight=weight), rtol=1e-9)
    if kind == "frame":
        assert ours.feature_names_in_.tolist() == ["a", "b", "c"]


@pytest.mark.usefixtures("threads")
def test_float32_stays():
    _, X, _ = problem()
    narrow = X.astype(np.float32)
    for lazy in (array_of(narrow), frame_of(narrow)):
        blocks = DaskBlocks(lazy)
        assert blocks.dtype == np.float32
        assert blocks.sample(10, RandomState(0)).X.dtype == np.float32
    mixed = frame_of(narrow, d=np.arange(len(X)))
    assert DaskBlocks(mixed).dtype == np.float64


@pytest.mark.usefixtures("somewhere")
@pytest.mark.parametrize("kind", ["array", "frame"])
def test_combine_takes_them_and_a_bootstrap_says_that_it_does_not(kind):
    _, X, weight = problem()
    collection = array_of(X) if kind == "array" else frame_of(X)
    model = GaussianMixture(3, init_params="k-means++", random_state=0, tol=1e-2).fit(collection)
    weights = da.from_array(weight, chunks=(UNEVEN,)) if kind == "array" else None
    ours = combine(model, collection, weights)
    theirs = combine(model.mixture_, X, None if weights is None else weight)
    assert ours.merges == theirs.merges
    assert_allclose(ours.entropy, theirs.entropy, rtol=1e-9, atol=1e-6)
    with pytest.raises(TypeError, match=r"in memory: .*\(X\.compute\(\) of a Dask"):
        bootstrap_ratio_test(collection, 1)
    with pytest.raises(TypeError, match=r"in memory: .*\(X\.compute\(\) of a Dask"):
        bootstrap_difference(model, model, collection)
    with pytest.raises(ValueError, match=r"a Dask collection are not: give the name of a start"):
        GaussianMixture(3, init_params=lambda *_: model.mixture_).fit(collection)


def test_a_search_takes_them():
    _, X, _ = problem(n_rows=1_500)
    search = GaussianMixtureSearch([1, 4], covariance_type=["VVV", "VII"], random_state=0)
    ours, theirs = clone(search).fit(array_of(X, (700, 800))), clone(search).fit(X)
    assert ours.best_params_ == theirs.best_params_
    assert_allclose(ours.best_estimator_.means_, theirs.best_estimator_.means_, rtol=1e-6)
    assert_array_equal(ours.predict(array_of(X, (700, 800))).compute(), ours.predict(X))


# Predictions


@pytest.fixture(scope="module")
def fitted():
    _, X, _ = problem()
    return GaussianMixture(4, random_state=0).fit(pd.DataFrame(X, columns=["a", "b", "c"])), X


@pytest.mark.parametrize("ask", ["predict", "predict_proba", "score_samples"])
@pytest.mark.usefixtures("somewhere")
def test_predictions_are_lazy_arrays(fitted, ask):
    _, X = fitted
    bare = GaussianMixture(4, random_state=0).fit(X)
    theirs = getattr(bare, ask)(X)
    for lazy in (array_of(X), array_of(X).rechunk((1_000, 2))):
        ours = getattr(bare, ask)(lazy)
        assert isinstance(ours, da.Array)
        assert ours.shape == theirs.shape
        assert ours.dtype == theirs.dtype
        assert ours.chunks[0] == lazy.chunks[0]
        assert_array_equal(ours.compute(), theirs)


@pytest.mark.parametrize("ask", ["predict", "predict_proba", "score_samples"])
@pytest.mark.usefixtures("somewhere")
def test_predictions_of_a_frame_have_its_index(fitted, ask):
    model, X = fitted
    frame = pd.DataFrame(X, columns=["a", "b", "c"], index=np.arange(len(X)) * 3 + 7)
    lazy = dd.from_pandas(frame, npartitions=4)
    ours = getattr(model, ask)(lazy)
    assert ours.divisions == lazy.divisions
    computed, theirs = ours.compute(), getattr(model, ask)(frame)
    assert_array_equal(computed.index, frame.index)
    assert_array_equal(computed.to_numpy(), theirs)
    if ask == "predict_proba":
        assert list(computed.columns) == [f"responsibility_{k}" for k in range(4)]
        assert list(ours.columns) == list(computed.columns)
    else:
        name = {"predict": "label", "score_samples": "log_density"}[ask]
        assert computed.name == ours.name == name
        assert_array_equal(lazy.assign(result=ours).compute()["result"], theirs)


@pytest.mark.usefixtures("threads")
def test_fit_predict_is_lazy():
    _, X, _ = problem()
    model = GaussianMixture(2, random_state=0)
    labels = model.fit_predict(array_of(X))
    assert_array_equal(labels.compute(), model.predict(X))


@pytest.mark.usefixtures("threads")
def test_predictions_check_columns_and_values(fitted):
    model, X = fitted
    with pytest.raises(ValueError, match="'b', 'a', 'c'"):
        model.predict(frame_of(X)[["b", "a", "c"]])
    X = X.copy()
    X[2_700, 1] = np.nan
    with pytest.raises(SourceError, match=r"partition 2 has 1 .* column 1 \('b'\), row 700"):
        model.predict(frame_of(X)).compute()
    with (
        pytest.warns(UserWarning, match="valid feature names"),
        pytest.raises(SourceError, match=r"partition 3 has 1 .* column 1, row 1999"),
    ):
        model.predict_proba(array_of(X)).compute()


# What goes wrong


@pytest.mark.usefixtures("somewhere")
def test_what_is_no_finite_number_is_named_and_nothing_changes():
    _, X, weight = problem()
    model = GaussianMixture(2, random_state=0).fit(X)
    before = dict(vars(model))
    bad = X.copy()
    bad[2_900, 2] = np.inf
    bad[4_900, 0] = np.nan
    with pytest.raises(
        SourceError, match=r"contains infinity: partition 3 has 1 .* column 2, row 2199"
    ):
        model.fit(array_of(bad))
    with pytest.raises(SourceError, match=r"infinity: partition 2 .* column 2 \('c'\), row 900"):
        model.fit(frame_of(bad))
    weight[4_000] = -1
    lazy = da.from_array(weight, chunks=(UNEVEN,))
    with pytest.raises(SourceError, match=r"sample_weight .* -1 in row 100 of partition 6"):
        model.fit(array_of(X), sample_weight=lazy)
    assert vars(model) == before


def text_in(frame, number):
    def spoil(part, partition_info=None):
        if partition_info and partition_info["number"] == number:
            part = part.assign(b=["north"] * len(part))
        return part

    return frame.map_partitions(spoil, meta=frame._meta)


@pytest.mark.usefixtures("somewhere")
def test_text_that_turns_up_late_is_named():
    _, X, _ = problem()
    with pytest.raises(SourceError, match=r"Partition 3: column 'b' holds no numbers.*north"):
        GaussianMixture(2).fit(text_in(frame_of(X), 3))


@pytest.mark.usefixtures("somewhere")
def test_an_error_of_the_collection_is_its_own():
    _, X, _ = problem()

    def fails(block, block_id=(0,)):
        if block_id[0] == 3:
            raise OSError("disk on fire")
        return block

    lazy = array_of(X).map_blocks(fails, meta=np.empty((0, 0)))
    model = GaussianMixture(2, random_state=0)
    with pytest.raises(OSError, match="disk on fire"):
        model.fit(lazy)
    assert not hasattr(model, "means_")


@pytest.mark.usefixtures("threads")
def test_what_is_no_table_of_numbers_is_refused():
    _, X, weight = problem()
    lazy = array_of(X)
    with pytest.raises(SourceError, match="2-D Dask array"):
        DaskBlocks(lazy[:, 0])
    with pytest.raises(SourceError, match="got Series"):
        DaskBlocks(frame_of(X)["a"])
    with pytest.raises(SourceError, match="complex128"):
        DaskBlocks(lazy.astype(complex))
    with pytest.raises(SourceError, match="Column 'day' of X holds"):
        DaskBlocks(frame_of(X, day=pd.Timestamp(0)))
    with pytest.raises(SourceError, match="no columns"):
        DaskBlocks(lazy[:, :0])
    with pytest.raises(SourceError, match="no rows"):
        DaskBlocks(lazy[:0])
    with pytest.raises(SourceError, match="Delayed"):
        GaussianMixture(2).fit(dask.delayed(X))
    with pytest.raises(SourceError, match="must be a 1-D Dask array"):
        GaussianMixture(2).fit(lazy, sample_weight=weight)
    with pytest.raises(SourceError, match="sample_weight has 2 partitions and X 7"):
        GaussianMixture(2).fit(lazy, sample_weight=da.ones(4_999, chunks=3_000))
    longer = da.ones(5_001, chunks=((1, 700, *UNEVEN[2:]),))
    with pytest.raises(SourceError, match="partition 1 has 700 weights and 699 rows"):
        GaussianMixture(2).fit(lazy, sample_weight=longer)
    with pytest.raises(SourceError, match="Every weight is zero"):
        GaussianMixture(2).fit(lazy, sample_weight=da.zeros(5_000, chunks=(UNEVEN,)))


@pytest.mark.usefixtures("somewhere")
def test_a_stream_may_come_in_them():
    _, X, weight = problem()
    ours, theirs = (GaussianMixture(2, random_state=0) for _ in range(2))
    for some in (slice(0, 2_000), slice(2_000, 5_000)):
        lazy_weight = da.from_array(weight[some], chunks=700)
        ours.partial_fit(da.from_array(X[some], chunks=(700, -1)), sample_weight=lazy_weight)
        theirs.partial_fit(X[some], sample_weight=weight[some])
    assert_allclose(ours.means_, theirs.means_, rtol=1e-6)


class Labelled:
    """As xarray's arrays: with Dask's methods whether there is Dask inside or not."""

    def __init__(self, X):
        self.X = X

    def __array__(self, dtype=None, copy=None):
        return self.X

    def __dask_graph__(self):
        return None


def test_arrays_that_only_may_hold_dask_are_arrays():
    X = problem()[1]
    ours, theirs = (GaussianMixture(2, random_state=0).fit(one) for one in (Labelled(X), X))
    assert_array_equal(ours.means_, theirs.means_)


@pytest.mark.usefixtures("threads")
@pytest.mark.filterwarnings("ignore:The inplace keyword")  # Dask's use of pandas
@pytest.mark.parametrize("make", [array_of, frame_of])
def test_predict_to_says_what_to_do(make, tmp_path):
    """And what it says does it."""
    _, X, _ = problem()
    lazy, folder = make(X), tmp_path / "labels"
    model = GaussianMixture(4, random_state=0).fit(lazy)
    with pytest.raises(SourceError, match="to_parquet") as error:
        model.predict_to(tmp_path / "labels.parquet", lazy)
    assert list(tmp_path.iterdir()) == []
    advice = str(error.value).partition("as in ")[2].rstrip(".")
    eval(advice, {"gm": model, "X": lazy, "folder": folder})
    written = dd.read_parquet(folder)["label"].compute()
    assert_array_equal(written, model.predict(lazy).compute())


class ComputedError(Exception):
    pass


def computes(block, **_):
    raise ComputedError


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("kind", ["Array", "DataFrame"])
def test_rows_are_never_brought_here_in_silence(fitted, kind):
    """Whoever needs them in this process says how to take a sample, which then does."""
    model, X = fitted
    if kind == "Array":
        model = GaussianMixture(4, random_state=0).fit(X)
    lazy = array_of(X) if kind == "Array" else frame_of(X)
    meta = np.empty((0, 3)) if kind == "Array" else lazy._meta
    spread = lazy.map_blocks if kind == "Array" else lazy.map_partitions
    untouched = spread(computes, meta=meta)
    mixture = model.mixture_
    for call in (
        lambda X: plot_mixture(model, X),
        lambda X: plot_mixture(mixture, X),
        lambda X: plot_uncertainty(model, X),
        lambda X: combine(model, lazy.compute()).predict(X),
        mixture.labels,
        mixture.responsibilities,
        mixture.log_density,
    ):
        with pytest.raises(TypeError, match=f"Dask {kind}, .* give a sample") as error:
            call(untouched)
    advice = str(error.value).partition("such as ")[2].rstrip(".")
    sample = eval(advice.replace("0.001", "0.1"), {"X": lazy})
    assert mixture.labels(sample).shape == (len(sample),)
    assert 0 < len(sample) < len(X)
    with pytest.raises(TypeError, match=f"is one {kind}: give it to fit itself"):
        mixtura.from_batches(untouched)
    with pytest.raises(SourceError, match=f"batch 0: X is a Dask {kind}"):
        GaussianMixture(1).fit(mixtura.from_batches([untouched]))


@pytest.mark.usefixtures("threads")
def test_missing_values_of_pandas_are_missing():
    _, X, _ = problem()
    frame = frame_of(X, d=pd.array([1, None] * (len(X) // 2), dtype="Int64"))
    with pytest.raises(SourceError, match=r"contains NaN.*column 3 \('d'\), row 1 of"):
        DaskBlocks(frame)


# Passes


@pytest.mark.usefixtures("threads")
def test_who_stops_early_does_not_read_all():
    _, X, _ = problem()
    seen = []

    def see(block):
        seen.append(len(block))
        return block

    lazy = da.from_array(X, chunks=(500, -1)).map_blocks(see, meta=np.empty((0, 0)))
    blocks = DaskBlocks(lazy)
    seen.clear()
    parts = blocks.each(lambda part, first_row: (first_row, len(part.rows)))
    assert next(parts) == (0, 500)
    parts.close()
    assert len(seen) == 1
    assert list(blocks.each(lambda _, first_row: first_row)) == list(range(0, 5_000, 500))
    seen.clear()
    blocks.accumulate(random_mixture(4, 3, "full", np.random.default_rng(0)))
    assert len(seen) == 10


# Clusters of processes


def at_iteration(number, do):
    """Return a callback that does something once."""

    def callback(iteration, *_):
        if iteration == number:
            do()

    return callback


def slow_start(X, callback=None):
    """A fit of 40 iterations."""
    rng = np.random.default_rng(0)
    return GaussianMixture(
        4,
        means_init=rng.normal(X.mean(axis=0), 0.1 * X.std(axis=0), (4, X.shape[1])),
        weights_init=np.full(4, 0.25),
        precisions_init=np.tile(np.diag(1 / X.var(axis=0)), (4, 1, 1)),
        max_iter=40,
        tol=0.0,
        accelerate=False,
        callback=callback,
    )


def rows_made_by_workers(n_partitions=11, size=4_000):
    """Rows that a worker can make again."""

    def make(block, block_id=(0,)):
        rng = np.random.default_rng(block_id[0])
        mixture = random_mixture(4, 3, "full", np.random.default_rng(3))
        return random_rows(mixture, len(block), rng)

    base = da.zeros((n_partitions * size, 3), chunks=(size, 3))
    return base.map_blocks(make, dtype=float, meta=np.empty((0, 0)))


def quiet_fit(model, X):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tol=0 never converges
        return model.fit(X)


def parameters(model):
    return b"".join(
        getattr(model, name).tobytes() for name in ("weights_", "means_", "covariances_")
    )


def test_any_number_of_workers_gives_the_same_bits():
    lazy = rows_made_by_workers()
    with dask.config.set(scheduler="synchronous"):
        X = lazy.compute()
        theirs = parameters(quiet_fit(slow_start(X), lazy))
    array = quiet_fit(slow_start(X), X)
    with cluster(1, 3, processes=False) as workers, Client(workers):
        assert parameters(quiet_fit(slow_start(X), lazy)) == theirs
    with cluster(2) as workers, Client(workers):
        ours = quiet_fit(slow_start(X), lazy)
        assert parameters(ours) == theirs
        assert_allclose(ours.means_, array.means_, rtol=1e-9)


def deadly(flag):
    """What makes a worker kill itself in a task: whoever finds the flag takes it away and dies."""

    def prepare():
        from mixtura.rows.dask import _Sums

        sums = _Sums.__call__

        def call(self, part, first_row):
            block = sums(self, part, first_row)
            with suppress(FileNotFoundError):
                flag.unlink()
                os.kill(os.getpid(), signal.SIGKILL)
            return block

        _Sums.__call__ = call
        return os.getpid()

    return prepare


@pytest.mark.parametrize("way", ["directly", "by tasks"])
def test_a_worker_that_dies_within_an_iteration_changes_no_bit(way, tmp_path, monkeypatch):
    """After its first partition of that pass, whose statistics are lost as are the rows that it held."""
    lazy = rows_made_by_workers()
    with dask.config.set(scheduler="synchronous"):
        X = lazy.compute()
        theirs = quiet_fit(slow_start(X).set_params(max_iter=12), lazy)
    monkeypatch.setattr("mixtura.rows.dask._QUICK", np.inf if way == "directly" else 0.0)
    flag = tmp_path / "flag"
    with cluster(2) as workers, Client(workers) as client:
        before = set(client.run(deadly(flag)).values())
        asked = []
        monkeypatch.setattr(client, "run", recorded(client.run, asked))
        model = slow_start(X, at_iteration(5, flag.touch)).set_params(max_iter=12)
        ours = quiet_fit(model, lazy)
        assert bool(asked) == (way == "directly")
        assert not flag.exists()
        assert len(before - set(client.run(os.getpid).values())) == 1
    assert parameters(ours) == parameters(theirs)
    assert ours.lower_bounds_ == theirs.lower_bounds_


def still_on_the_scheduler(client, prefix):
    """Keys of tasks that nobody waits for any more disappear, after a moment."""
    for _ in range(100):
        keys = client.run_on_scheduler(lambda dask_scheduler: list(map(str, dask_scheduler.tasks)))
        found = [key for key in keys if prefix in key]
        if not found:
            break
        time.sleep(0.05)
    return found


RELEASED = threading.Event()


def waits(block):
    RELEASED.wait(30)
    return block


def test_ctrl_c_cancels_what_the_workers_do_and_leaves_the_estimator_as_it_was(client):
    _, X, _ = problem()
    model = GaussianMixture(2, random_state=0).fit(X)
    before = dict(vars(model))
    RELEASED.clear()
    lazy = array_of(X).map_blocks(waits, meta=np.empty((0, 0)))
    interrupt = threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT))
    # Whoever started the tests may have them ignore Ctrl-C, as a shell does behind &.
    before_the_test = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        interrupt.start()
        with pytest.raises(KeyboardInterrupt):
            model.fit(lazy)
    finally:
        signal.signal(signal.SIGINT, before_the_test)
        RELEASED.set()
    assert vars(model) == before
    gc.collect()
    assert not still_on_the_scheduler(client, "mixtura")
    assert not still_on_the_scheduler(client, "waits")


def test_ctrl_c_between_iterations_leaves_nothing_on_the_workers(client):
    _, X, _ = problem()

    def interrupt():
        raise KeyboardInterrupt

    model = slow_start(X, at_iteration(5, interrupt))
    with pytest.raises(KeyboardInterrupt):
        model.fit(array_of(X))
    assert not hasattr(model, "means_")
    gc.collect()
    assert not still_on_the_scheduler(client, "mixtura")


@pytest.mark.parametrize("quick", [True, False])
def test_a_scheduler_that_is_gone_is_named_and_the_next_one_serves(quick, monkeypatch):
    _, X, _ = problem()
    monkeypatch.setattr("mixtura.rows.dask._QUICK", np.inf if quick else 0.0)
    # For so long a client looks for its scheduler again.
    with dask.config.set({"distributed.comm.timeouts.connect": "1s"}):
        with cluster(1, processes=False) as workers, Client(workers):
            model = slow_start(X, at_iteration(5, workers.close))
            with pytest.raises(SourceError, match="connection to the Dask scheduler was lost"):
                model.fit(array_of(X))
            assert not hasattr(model, "means_")
        with cluster(1, processes=False) as workers, Client(workers):
            assert quiet_fit(slow_start(X), array_of(X)).n_iter_ == 40


def test_partitions_are_kept_for_the_time_of_a_fit_only(client):
    lazy = rows_made_by_workers(size=700)
    seen = []

    def look(*_):
        seen.append(sum(map(len, client.has_what().values())))

    quiet_fit(slow_start(lazy.compute(), look), lazy)
    assert min(seen) >= 11
    gc.collect()
    assert not still_on_the_scheduler(client, "make")


def test_what_the_user_has_persisted_is_not_copied(client):
    lazy = rows_made_by_workers(size=700).persist()
    blocks = DaskBlocks(lazy)
    kept = {rows.key for rows, *_ in blocks._places}
    assert kept == {future.key for future in futures_of(lazy)}


def test_a_task_may_fit(client):
    """On workers of one thread, which the fit's own tasks need."""
    X = problem()[1]

    def fit():
        return GaussianMixture(2, random_state=0).fit(array_of(X)).means_

    ours = client.submit(fit).result(timeout=60)
    assert_allclose(ours, GaussianMixture(2, random_state=0).fit(X).means_, rtol=1e-6)


def test_workers_that_are_asked_directly_give_the_same_bits(client, monkeypatch):
    mixture, X, weight = problem()
    blocks = DaskBlocks(array_of(X), weight=da.from_array(weight, chunks=(UNEVEN,)))
    asked = []
    monkeypatch.setattr(client, "run", recorded(client.run, asked))
    monkeypatch.setattr("mixtura.rows.dask._QUICK", np.inf)
    # However long this takes.
    monkeypatch.setattr("mixtura.rows.dask._SECONDS", 1e9)
    blocks.accumulate(mixture)
    assert not asked
    # A copy that a task had fetched may go while it is asked for: then the tasks give the sums, and the
    # next pass asks again.
    for _ in range(20):
        asked.clear()
        directly = blocks.accumulate(mixture)
        assert len(asked) == 1
        if blocks._held_at > -np.inf:
            break
    assert blocks._held_at > -np.inf
    # A partition that is not where it was: the tasks find it.
    missing = {
        worker: [replace(one, keys=("gone", *one.keys[1:])) for one in held]
        for worker, held in blocks._holdings.items()
    }
    monkeypatch.setattr(blocks, "_holdings", missing)
    again = blocks.accumulate(mixture)
    assert len(asked) == 2
    assert blocks._held_at == -np.inf
    monkeypatch.setattr("mixtura.rows.dask._QUICK", 0.0)
    blocks._is_quick = False
    by_tasks = blocks.accumulate(mixture)
    assert len(asked) == 2
    for one in (directly, again):
        assert_same_statistics(one, by_tasks, rtol=0)


def test_few_workers_get_their_share_with_its_weights(client, monkeypatch):
    mixture, X, weight = problem()
    blocks = DaskBlocks(array_of(X), weight=da.from_array(weight, chunks=(UNEVEN,)))
    one, other = client.has_what()
    asked = []
    monkeypatch.setattr(client, "run", recorded(client.run, asked))
    monkeypatch.setattr("mixtura.rows.dask._QUICK", np.inf)
    by_tasks = blocks.accumulate(mixture)
    assert not asked
    for i, place in enumerate(blocks._places):
        blocks._places[i] = tuple(
            None
            if part is None
            else client.submit(lambda part: part, part, workers=[one], pure=False)
            for part in place
        )
    wait([part for place in blocks._places for part in place if part is not None])
    assert [len(mine) for mine in blocks._placed(client.has_what())[0].values()] == [6, 0]
    directly = blocks.accumulate(mixture)
    assert len(blocks._holdings[other]) > 0
    assert sum(len(held) for held in blocks._holdings.values()) == 6
    assert len(asked) == 1
    assert_same_statistics(directly, by_tasks, rtol=0)
    # Nothing is left of them where they were, which the memory manager would drop.
    keys = {one.key for place in blocks._places for one in place if one is not None}
    assert len(keys) == 12
    lying = chain(*client.has_what().values())
    assert Counter(key for key in lying if key in keys) == Counter(keys)
    client.amm.run_once()
    assert_same_statistics(blocks.accumulate(mixture), by_tasks, rtol=0)
    assert len(asked) == 2
    assert blocks._held_at > 0  # all is still where it was


def recorded(function, calls):
    def call(*arguments, **options):
        calls.append(arguments)
        return function(*arguments, **options)

    return call


def sums_under(mixture):
    """What goes to a partition: no covariances."""
    parameters = mixture.weights, mixture.means, mixture.precisions_cholesky, None, None, None
    asked = False, True, None
    return _Sums("full", mixture.means, np.dtype(np.float64), asked, parameters, None)


def test_the_sums_of_a_partition_can_be_sent():
    mixture, X, _ = problem()
    task = sums_under(mixture)
    sent = pickle.loads(pickle.dumps(task))
    ours, theirs = (one(ArrayBlocks(Rows(X)), 0) for one in (sent, task))
    assert np.array_equal(ours, theirs)


def test_a_large_mixture_goes_from_worker_to_worker(client, monkeypatch):
    mixture, X, _ = problem()
    blocks = DaskBlocks(array_of(X))
    theirs = blocks.accumulate(mixture)
    for module in ("dask", "dask_scheduler"):
        monkeypatch.setattr(f"mixtura.rows.{module}.SMALL", 100)
    assert_same_statistics(blocks.accumulate(mixture), theirs, rtol=0)
    assert len(list(blocks.each(lambda part, _: len(part.rows)))) == 6


@pytest.mark.parametrize("n_partitions", [1, 2, 3, 7, 8, 9, 70])
@pytest.mark.usefixtures("threads")
def test_the_tree_has_one_shape(n_partitions, monkeypatch):
    """Who adds what does not change a bit."""
    mixture, X, _ = problem()
    blocks = DaskBlocks(da.from_array(X, chunks=(-(-len(X) // n_partitions), -1)))
    n_leaves = len(blocks.parts)
    assert n_leaves >= n_partitions - 1
    theirs = blocks.accumulate(mixture)
    rng = np.random.default_rng(0)
    for n_workers in (1, 2, 5):
        owner = rng.integers(0, n_workers, n_leaves)
        groups = [np.flatnonzero(owner == worker).tolist() for worker in range(n_workers)]
        monkeypatch.setattr(blocks, "_groups", lambda groups=groups: [g for g in groups if g])
        assert_same_statistics(blocks.accumulate(mixture), theirs, rtol=0)


@pytest.mark.usefixtures("threads")
def test_symmetric_matrices_travel_as_one_half():
    mixture, X, _ = problem()
    sums = _work(sums_under(mixture), [(X, None)], [0], [0], 1, 1)
    whole = ArrayBlocks(Rows(X)).accumulate(mixture)
    assert len(whole.block) - len(sums[0, 0]) == 4 * (9 - 6)
    block = from_upper_half(sums[0, 0], mixture.structure.kernel, *mixture.means.shape)
    assert np.array_equal(block, whole.block)


# Packages


def python(*lines, run=forked.run):
    return run(
        [sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=False
    )


def test_import_needs_no_dask():
    done = python(
        "import sys, mixtura",
        "assert not {'dask', 'distributed'} & set(sys.modules)",
        run=subprocess.run,
    )
    assert done.returncode == 0, done.stderr


def test_without_dask_one_sentence_says_so():
    done = python(
        "import sys; sys.modules['dask'] = None",
        "from mixtura.rows.dask import DaskBlocks",
    )
    assert "ImportError: Rows on Dask need dask; install it with: pip install 'mixtura[dask]'" in (
        done.stderr
    )


@pytest.mark.usefixtures("threads")
def test_dask_without_distributed_is_enough():
    done = python(
        "import sys; sys.modules['distributed'] = None",
        "import dask.array as da, mixtura",
        "X = da.random.default_rng(0).normal(size=(500, 2), chunks=(100, 2))",
        "print(mixtura.GaussianMixture(1).fit(X).score(X))",
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 0
