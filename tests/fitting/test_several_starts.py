"""Several starts: which one is kept, when no further one begins, and that they run side by side."""

from __future__ import annotations

import os
import signal
import threading
import warnings

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from mixtura import GaussianMixture, Mixture
from mixtura.fitting import best_of_starts, request
from mixtura.starts.auto import SearchStopped
from mixtura.testing.problems import random_mixture, random_rows


def clouds(n_rows=12_000, seed=0):
    """Three clusters that overlap a little, in three features: enough rows for starts side by side."""
    rng = np.random.default_rng(seed)
    means = 3.0 * rng.standard_normal((3, 3))
    return means[rng.integers(0, 3, n_rows)] + rng.standard_normal((n_rows, 3))


def equal_to_rounding(n_starts=40):
    """Rows of a mixture, and that mixture many times: components in any order, other last digits."""
    rng = np.random.default_rng(0)
    mixture = random_mixture(5, 3, "full", rng)
    starts = [mixture]
    for _ in range(n_starts - 1):
        other = mixture.permuted(rng.permutation(5))
        means = other.means + 1e-12 * rng.standard_normal(other.means.shape)
        starts.append(Mixture.from_parameters(other.weights, means, other.covariances))
    return random_rows(mixture, 999, rng), starts


@pytest.mark.parametrize("keeps", [False, True])
def test_of_starts_that_are_equal_to_rounding_the_first_is_kept(keeps, tmp_path):
    """One optimum, reached on two ways or computed on two machines, differs in its last digits."""
    X, starts = equal_to_rounding()
    given = iter(starts)
    model = GaussianMixture(5, init_params=lambda *_: next(given), n_init=len(starts), max_iter=0)
    if keeps:
        model.set_params(checkpoint=tmp_path / "fit.safetensors")
    model.fit(X)
    likely = [record.log_likelihood for record in model.starts_]
    assert np.ptp(likely) < 1e-12 * abs(likely[0])
    assert max(likely) > likely[0], "last digits that would decide"
    assert_array_equal(model.means_, starts[0].means)


def test_a_start_that_is_better_by_more_than_rounding_is_taken():
    X, (start, *_) = equal_to_rounding(1)
    moved = Mixture.from_parameters(start.weights, start.means + 1e-7, start.covariances)
    given = iter(sorted([start, moved], key=lambda mixture: mixture.log_density(X).mean()))
    model = GaussianMixture(5, init_params=lambda *_: next(given), n_init=2, max_iter=0).fit(X)
    likely = [record.log_likelihood for record in model.starts_]
    assert 0 < likely[1] - likely[0] < 1e-7
    assert model.lower_bound_ == likely[1]


class StopAt:
    """A callback that ends the fit at an iteration of one of its starts."""

    def __init__(self, start, iteration):
        self._start, self._iteration = start, iteration
        self.heard = []

    def __call__(self, iteration, _mixture, _log_likelihood):
        self.heard.append(iteration)
        return self.heard.count(1) == self._start + 1 and iteration == self._iteration


@pytest.mark.parametrize("start", [0, 1])
@pytest.mark.parametrize("init_params", ["auto", "random"])
@pytest.mark.parametrize("keeps", [False, True])
def test_a_callback_ends_the_whole_fit(init_params, start, keeps, tmp_path):
    X = clouds()
    stop = StopAt(start, 2)
    params = {"init_params": init_params, "n_init": 3, "n_jobs": 2, "random_state": 0, "tol": 1e-5}
    model = GaussianMixture(3, callback=stop, **params)
    if keeps:
        model.set_params(checkpoint=tmp_path / "fit.safetensors")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X)
    assert stop.heard.count(1) == start + 1
    assert stop.heard[-1] == 2
    records = [record for record in model.starts_ if record.kind == init_params]
    told = "stopped by the callback"
    ends = [told] if start == 0 else ["converged", told]
    assert [record.ended for record in records] == ends + [f"not begun: {told}"] * (2 - start)
    assert all(np.isnan(record.log_likelihood) for record in records[start + 1 :])
    best = max(record.log_likelihood for record in records[: start + 1])
    assert model.lower_bound_ == pytest.approx(best, rel=1e-12)


@pytest.mark.filterwarnings("ignore:Component")  # the first descent is not mended
@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("init_params", ["auto", "random"])
def test_no_start_begins_after_max_time_once_there_is_a_fit(init_params, n_jobs):
    params = {"init_params": init_params, "n_init": 8, "n_jobs": n_jobs, "random_state": 0}
    with pytest.warns(match="max_time"):
        model = GaussianMixture(3, max_time=0.0, **params).fit(clouds())
    records = [record for record in model.starts_ if record.kind == init_params]
    assert len(records) == 8
    unbegun = [record for record in records if record.ended == "not begun: max_time reached"]
    assert 8 - n_jobs <= len(unbegun) < 8
    assert {record.n_rows for record in unbegun} == {0}
    assert len({record.seed for record in records}) == 8, "each can be repeated alone"


def test_a_start_that_fails_is_no_fit_to_end_with():
    """Past max_time starts begin until one gives a mixture."""
    X = clouds(100)
    alone = (np.arange(100) == 0).astype(int)
    proper = (np.arange(100) % 2).astype(int)
    given = iter([alone, alone, proper, proper])
    params = {"n_init": 4, "max_time": 0.0, "reg_covar": 0, "max_iter": 5}
    with pytest.warns(match="max_time"):
        model = GaussianMixture(2, init_params=lambda *_: next(given), **params).fit(X)
    ends = [record.ended for record in model.starts_]
    assert ["ill-defined" in end for end in ends] == [True, True, False, False]
    assert ends[2:] == ["max_time reached", "not begun: max_time reached"]


@pytest.mark.filterwarnings("ignore:.*did not converge")
@pytest.mark.parametrize("ended_by", ["callback", "max_time"])
def test_a_fit_that_was_ended_goes_on_with_the_same_bits(ended_by, tmp_path):
    """Also where the start that was cut short is not the only one."""
    X = clouds(2_000)
    params = {"init_params": "random_from_data", "n_init": 3, "random_state": 0, "tol": 1e-9}
    whole = GaussianMixture(3, **params).fit(X)
    ours = GaussianMixture(3, **params, checkpoint=tmp_path / "fit.safetensors", resume=True)
    if ended_by == "callback":
        ours.set_params(callback=StopAt(1, 5)).fit(X)
        assert [record.ended for record in ours.starts_][1:] == [
            "stopped by the callback",
            "not begun: stopped by the callback",
        ]
    else:
        ours.set_params(max_time=0.0).fit(X)
    ours.set_params(callback=None, max_time=None).fit(X)
    assert ours.starts_ == whole.starts_
    assert_array_equal(ours.means_, whole.means_)
    assert ours.lower_bounds_ == whole.lower_bounds_


class Meeting:
    """Stands before what each start does, and lets two of them through together."""

    def __init__(self, monkeypatch):
        self._outcome = best_of_starts._outcome
        self._barrier = threading.Barrier(2, timeout=60)
        self.threads, self._within = set(), []
        monkeypatch.setattr(best_of_starts, "_outcome", self)

    def __call__(self, *arguments):
        if threading.get_ident() not in self._within:
            self.threads.add(threading.get_ident())
            self._barrier.wait()
        self._within.append(threading.get_ident())
        try:
            return self._outcome(*arguments)
        finally:
            self._within.remove(threading.get_ident())


@pytest.mark.parametrize("n_jobs", [2, 5])
@pytest.mark.parametrize("init_params", ["auto", "random"])
def test_starts_run_side_by_side_with_the_same_bits(init_params, n_jobs, monkeypatch):
    """Each waits for another one to be there: one after another they would wait for ever."""
    X = clouds()
    params = {"n_init": 4, "init_params": init_params, "random_state": 1}
    alone = GaussianMixture(3, n_jobs=1, **params).fit(X)
    before = set(threading.enumerate())
    meeting = Meeting(monkeypatch)
    model = GaussianMixture(3, n_jobs=n_jobs, **params).fit(X)
    assert 2 <= len(meeting.threads) <= n_jobs
    assert threading.get_ident() not in meeting.threads
    assert set(threading.enumerate()) <= before, "no thread is left behind"
    assert_array_equal(model.means_, alone.means_)
    assert_array_equal(model.covariances_, alone.covariances_)
    assert repr(model.starts_) == repr(alone.starts_)  # a start that failed has no likelihood: NaN


def test_ctrl_c_ends_searches_side_by_side(monkeypatch):
    """They are native, in threads that Ctrl-C does not reach: each is told, and none runs to its end."""
    begun, stopped, search = threading.Barrier(3), threading.Semaphore(0), request.search

    def watched(*arguments, **options):
        begun.wait()
        try:
            return search(*arguments, **options)
        except SearchStopped:
            stopped.release()
            raise

    def interrupt():
        begun.wait()
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(request, "search", watched)
    rng = np.random.default_rng(0)
    X = rng.standard_normal((4000, 16))  # of no clusters: a search of many seconds
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        threading.Thread(target=interrupt).start()
        with pytest.raises(KeyboardInterrupt):
            GaussianMixture(20, n_init=2, n_jobs=2, random_state=0).fit(X)
    finally:
        signal.signal(signal.SIGINT, before)
    assert stopped.acquire(timeout=60)
    assert stopped.acquire(timeout=60)
