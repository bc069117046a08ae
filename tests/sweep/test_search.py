"""The model choice in one call: cells against mclust's values, what is shared, what fails, what goes on."""

import csv
import functools
import itertools
import json
import pickle
import signal
import sys
import warnings
from pathlib import Path
from threading import Event, Thread

import matplotlib
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

import forked
import mixtura
from mixtura import GaussianMixture, GaussianMixtureSearch
from mixtura._core import Stop
from mixtura.covariance import structure
from mixtura.datasets import load_faithful
from mixtura.em.m_step import MaximumLikelihood
from mixtura.errors import DataWarning, ModelFileError
from mixtura.fitting.diagnosis import rows_needed
from mixtura.plots import plot_search
from mixtura.rows import ArrayBlocks, Rows
from mixtura.starts import auto
from mixtura.starts.auto import SearchStopped, search_from
from mixtura.starts.auto import search as search_of_a_start
from mixtura.sweep.grid import ALL
from mixtura.sweep.sweep import is_within
from products import product

matplotlib.use("agg")

DATA = Path(__file__).parents[1] / "data"

# mclust's value is a worse optimum there (/reference values of the project's data sets).
BETTER_THAN_MCLUST = [
    ("iris", 4, "EEE", -591.4057),
    ("iris", 5, "EEE", -595.8887),
    ("iris", 4, "EII", -784.2954),
    ("faithful", 3, "VVV", -2333.7266),
]


def rows_of(name):
    if name == "iris":
        return load_iris().data
    if name == "faithful":
        return load_faithful().data
    return np.loadtxt(DATA / "diabetes.csv", delimiter=",", skiprows=1)


def mclust_cells(name):
    with (DATA / "mclust_bic.csv").open() as file:
        for row in csv.DictReader(file):
            if row["data"] == name:
                yield int(row["G"]), row["model"], int(row["df"]), row["bic"]


@pytest.fixture(scope="module", params=["iris", "faithful", "diabetes"])
def swept(request):
    X = rows_of(request.param)
    return request.param, X, GaussianMixtureSearch(random_state=0, sign="mclust").fit(X)


@pytest.fixture(scope="module")
def small():
    X = load_faithful().data
    return X, GaussianMixtureSearch(range(1, 5), random_state=0).fit(X)


def frame_of(search):
    return pd.DataFrame(search.results_).set_index(["n_components", "covariance_type"])


# Beside mclust


def test_every_cell_is_at_least_mclusts(swept):
    name, _, search = swept
    frame = frame_of(search)
    for k, model, df, bic in mclust_cells(name):
        ours = frame.loc[(k, model)]
        if bic == "NA":
            continue
        assert ours.failure == "", (k, model)
        assert ours.n_parameters == df, (k, model)
        assert ours.bic >= float(bic) - 1e-3, (k, model)


@functools.cache
def swept_to_six(name):
    return GaussianMixtureSearch(range(1, 7), random_state=0, sign="mclust").fit(rows_of(name))


@pytest.mark.parametrize(("name", "k", "model", "bic"), BETTER_THAN_MCLUST)
def test_cells_that_mclust_has_worse(name, k, model, bic):
    assert frame_of(swept_to_six(name)).loc[(k, model)].bic >= bic - 1e-3


def test_the_models_that_mclust_chooses(swept):
    name, _, search = swept
    assert (
        search.best_params_
        == {
            "iris": {"n_components": 2, "covariance_type": "VEV"},
            "faithful": {"n_components": 3, "covariance_type": "EEE"},
            "diabetes": {"n_components": 3, "covariance_type": "VVV"},
        }[name]
    )


def test_no_cell_that_can_win_is_degenerate(swept):
    _, _, search = swept
    for k, model in frame_of(search).query("failure == ''").index:
        assert set(search.estimator(int(k), model).diagnosis_.verdict) == {"sound"}


def test_wide_structures_are_never_below_what_they_contain(swept):
    _, _, search = swept
    frame = frame_of(search)
    fits = frame.log_likelihood.where(frame.failure == "")
    for k, (narrow, wide) in itertools.product(range(1, 10), itertools.permutations(ALL, 2)):
        if not is_within(narrow, wide) or np.isnan(fits[k, wide]):
            continue
        # A mixture may be sound in the narrow structure alone: the wide one's covariances need more rows.
        model = search.estimator(k, narrow) if np.isfinite(fits[k, narrow]) else None
        if model is not None and _is_sound_in(model, wide):
            assert fits[k, wide] >= fits[k, narrow] - 0.01, (k, narrow, wide)


SMALLER_GRIDS = [
    ([3], ["VVV"]),
    ([2, 3, 4], ["EEE", "VVI", "EVV", "VEV"]),
    ([4, 5], ["VVV", "EEV", "EVE", "VEI", "EII"]),
    (range(1, 4), "all"),
]


@pytest.mark.parametrize(("name", "seed"), product(["iris", "faithful", "diabetes"], [0, 1]))
def test_a_larger_grid_leaves_no_cell_worse(name, seed):
    X = rows_of(name)
    larger = frame_of(GaussianMixtureSearch(range(1, 6), random_state=seed).fit(X))
    for numbers, names in SMALLER_GRIDS:
        smaller = frame_of(GaussianMixtureSearch(numbers, names, random_state=seed).fit(X))
        for key, cell in smaller[smaller.failure == ""].iterrows():
            assert larger.failure[key] == "", key
            assert larger.log_likelihood[key] >= cell.log_likelihood - 1e-6 * len(X), key


def test_the_rows_that_searches_see_do_not_depend_on_the_grid(monkeypatch):
    """16 components of 10 features ask for 4,000 rows, and 2 for the 2,000 that any search sees here."""
    monkeypatch.setattr(auto, "_ROWS", 2_000)
    X = np.random.default_rng(0).normal(size=(3_000, 10))
    X[::2] += 0.3  # they overlap, so that other rows give other means
    smaller, larger = (
        GaussianMixtureSearch(numbers, ["EII"], random_state=0, tol=1e-2, max_iter=1).fit(X)
        for numbers in ([2], [2, 16])
    )
    assert larger.results_["log_likelihood"][0] == smaller.results_["log_likelihood"][0]


def _is_sound_in(model, wide):
    matrices = model.mixture_.covariance_matrices()
    kind = structure(wide)
    shape = {"full": matrices, "diag": np.diagonal(matrices, axis1=1, axis2=2)}.get(
        kind.kernel.name
    )
    if shape is None:
        return True
    same = mixtura.Mixture(
        kind, model.mixture_.weights, model.mixture_.means, np.ascontiguousarray(shape), None
    )
    return model._trained.effective_rows.min() >= 10 * rows_needed(kind, same.n_features)


# The estimator


def test_results_are_a_table(small):
    _, search = small
    frame = pd.DataFrame(search.results_)
    assert list(frame.columns) == [
        *(
            "n_components",
            "covariance_type",
            "log_likelihood",
            "n_parameters",
            "bic",
            "aic",
            "icl",
        ),
        *("seconds", "n_iter", "converged", "degenerate", "failure"),
    ]
    assert len(frame) == 4 * 14 == len(search.delta_)
    assert_allclose(frame.bic, -2 * frame.log_likelihood + frame.n_parameters * np.log(272))
    best = frame.bic.idxmin()
    assert best == search.best_index_
    assert search.best_score_ == frame.bic[best]
    assert_allclose(search.delta_, frame.bic - frame.bic[best])


def test_the_best_predicts(small, tmp_path):
    X, search = small
    best = search.best_estimator_
    assert type(best) is GaussianMixture
    assert best.get_params()["n_components"] == search.best_params_["n_components"]
    assert_array_equal(search.predict(X), best.predict(X))
    assert_array_equal(search.predict_proba(X), best.predict_proba(X))
    assert_array_equal(search.score_samples(X), best.score_samples(X))
    assert search.score(X) == best.score(X)
    assert search.bic(X) == pytest.approx(search.best_score_, abs=1e-8)
    for name in ("aic", "icl"):
        assert getattr(search, name)(X) == getattr(best, name)(X)
    assert str(search.summary()) == str(best.summary())
    search.save(tmp_path / "best.safetensors")
    assert_array_equal(mixtura.load(tmp_path / "best.safetensors").predict(X), best.predict(X))
    assert search.sample(3)[0].shape == (3, 2)


def test_models_near_the_best(small):
    _, search = small
    assert [len(search.within_[limit]) for limit in (2.0, 6.0, 10.0)] == sorted(
        len(models) for models in search.within_.values()
    )
    assert search.within_[2.0][0] == search.best_params_
    assert len(search.within_[10.0]) == int((search.delta_ <= 10).sum())
    assert [row["delta"] for row in search.top(3)] == sorted(search.delta_)[:3]
    json.dumps(search.top(3))


def test_both_signs_choose_alike(small):
    X, search = small
    other = GaussianMixtureSearch(range(1, 5), random_state=0, sign="mclust").fit(X)
    assert other.best_params_ == search.best_params_
    for name in ("bic", "aic", "icl"):
        assert_array_equal(other.results_[name], -search.results_[name])


@pytest.mark.parametrize("criterion", ["aic", "icl"])
def test_other_criteria(criterion, small):
    X, search = small
    other = GaussianMixtureSearch(range(1, 5), criterion=criterion, random_state=0).fit(X)
    frame = pd.DataFrame(search.results_)
    assert other.best_index_ == frame[criterion].idxmin()


def test_any_number_of_threads_gives_the_same(small):
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(4000, 3)), rng.normal(size=(4000, 3)) + 3])
    one, two = (
        GaussianMixtureSearch(range(1, 4), ["EEE", "VVV"], random_state=0, n_jobs=n).fit(X)
        for n in (1, 2)
    )
    assert_array_equal(one.results_["bic"], two.results_["bic"])


def test_weights_are_repetitions():
    X = load_faithful().data[:150]
    weight = np.random.default_rng(0).integers(0, 3, size=150)
    repeated = GaussianMixtureSearch([1, 2], ["EEE", "VVV", "EII"], random_state=0)
    weighted = clone(repeated).fit(X, sample_weight=weight)
    repeated.fit(np.repeat(X, weight, axis=0))
    assert_allclose(weighted.results_["bic"], repeated.results_["bic"], rtol=1e-9)


def test_one_feature_has_two_structures():
    search = GaussianMixtureSearch(range(1, 4), random_state=0).fit(load_faithful().data[:, :1])
    assert set(search.results_["covariance_type"]) == {"E", "V"}
    assert search.best_params_["covariance_type"] in ("E", "V")
    assert search.best_estimator_.covariance_type == search.best_params_["covariance_type"]
    assert search.within_[2.0][0] == search.best_params_
    for name in ("V", "VII", "full"):
        assert search.estimator(2, name).covariance_type == "V"


def test_scikit_learns_names_and_one_name():
    X = load_faithful().data
    search = GaussianMixtureSearch([2], ["full", "tied"], random_state=0).fit(X)
    assert search.results_["covariance_type"].tolist() == ["full", "tied"]
    assert GaussianMixtureSearch([2], "VVV", random_state=0).fit(X).best_params_ == {
        "n_components": 2,
        "covariance_type": "VVV",
    }


def test_clone_pickle_and_feature_names():
    X = pd.DataFrame(load_faithful().data, columns=["eruptions", "waiting"])
    search = clone(GaussianMixtureSearch([2], ["EEE"], random_state=0)).fit(X)
    assert search.feature_names_in_.tolist() == ["eruptions", "waiting"]
    again = pickle.loads(pickle.dumps(search))
    assert_array_equal(again.predict(X), search.predict(X))
    with pytest.raises(NotFittedError):
        GaussianMixtureSearch().predict(X)


@parametrize_with_checks(
    [GaussianMixtureSearch([1, 2], ["EEE", "VVI"], random_state=0)],
    expected_failed_checks=lambda _: {
        "check_parameters_default_constructible": "a range reads better than a tuple",
    },
)
def test_scikit_learns_checks(estimator, check):
    if "check_sample_weight_equivalence_on_dense_data" in str(check):
        pytest.skip("the random starts draw rows: the components can come in another order")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", DataWarning)
        check(estimator)


# Cells that fail


def test_a_cell_that_fails_says_why_and_ends_nothing():
    X = np.repeat([[0.0, 1.0], [5.0, 2.0], [3.0, 9.0]], 10, axis=0)
    X = X + np.random.default_rng(0).normal(size=(3, 2)).repeat(10, axis=0)
    X[:10] += np.random.default_rng(1).normal(size=(10, 2))
    search = GaussianMixtureSearch([1, 2, 3, 14], ["EEE", "VVV"], random_state=0).fit(X)
    failures = dict(
        zip(
            zip(*(search.results_[n] for n in ("n_components", "covariance_type")), strict=True),
            search.results_["failure"],
            strict=True,
        )
    )
    assert failures[14, "VVV"] == "14 components, but X has only 12 distinct rows"
    assert failures[3, "VVV"]
    assert np.isnan(search.delta_[search.results_["failure"] != ""]).all()
    assert (
        search.best_params_["n_components"] < 3 or search.best_params_["covariance_type"] == "EEE"
    )


def test_a_spike_never_wins():
    # Waiting times are whole minutes: a component on those of one minute has any likelihood.
    search = GaussianMixtureSearch([3, 7], ["EEE", "VEV"], random_state=0).fit(load_faithful().data)
    assert search.best_params_ == {"n_components": 3, "covariance_type": "EEE"}


# Stopped and gone on


def assert_same_results(one, other):
    for name in set(other.results_) - {"seconds"}:
        assert_array_equal(one.results_[name], other.results_[name], err_msg=name)


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("step", ["first", "exchanged", "finished"])
def test_a_stopped_sweep_goes_on_to_the_same(step, n_jobs, tmp_path, small):
    X, whole = small
    options = {
        "n_components": range(1, 5),
        "random_state": 0,
        "checkpoint": tmp_path / "sweep",
        "resume": True,
    }
    heard = []

    def stop(n_done, n_steps, row):
        heard.append(n_done)
        return row["step"] == step and heard[-1] > heard[0] + 5

    with pytest.warns(DataWarning, match="not finished"):
        part = GaussianMixtureSearch(**options, callback=stop, n_jobs=n_jobs).fit(X)
    assert part.best_estimator_.predict(X).shape == (272,)
    again = []
    told = GaussianMixtureSearch(**options, callback=lambda *a: again.append(a[0]), n_jobs=n_jobs)
    assert_same_results(told.fit(X), whole)
    assert again[0] == heard[-1] + 1  # nothing that was done is done again


_KILLED = """
import os, signal, sys
from mixtura import GaussianMixtureSearch
from mixtura.datasets import load_faithful
from mixtura.sweep import checkpoint as sweep_checkpoint
sweep_checkpoint._INTERVAL = sweep_checkpoint._INTERVAL_OF_A_WRITE = 0.0

def kill(n_done, n_steps, row):
    if n_done > n_steps / 2:
        os.kill(os.getpid(), signal.SIGKILL)

search = GaussianMixtureSearch(range(1, 5), random_state=0, checkpoint=sys.argv[1], resume=True)
search.callback = kill
search.fit(load_faithful().data)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="the signal is POSIX's")
def test_a_killed_sweep_goes_on_to_the_same(tmp_path, small):
    X, whole = small
    killed = forked.run([sys.executable, "-c", _KILLED, tmp_path / "sweep"], check=False)
    assert killed.returncode == -signal.SIGKILL
    steps = []
    again = GaussianMixtureSearch(
        range(1, 5),
        random_state=0,
        checkpoint=tmp_path / "sweep",
        resume=True,
        callback=lambda *told: steps.append(told[:2]),
    )
    assert_same_results(again.fit(X), whole)
    n_steps = steps[0][1]
    assert n_steps / 2 < steps[0][0] < n_steps


def test_the_callback_hears_of_every_step_and_ends_with_the_results(small):
    X, whole = small
    told = []
    search = GaussianMixtureSearch(range(1, 5), random_state=0, callback=lambda *a: told.append(a))
    assert_same_results(search.fit(X), whole)
    numbers, totals = [n for n, _, _ in told], {total for _, total, _ in told}
    assert totals == {3 * 4 * 14}
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == 3 * 4 * 14
    frame = frame_of(whole)
    last = [row for _, _, row in told if row["step"] == "finished"]
    assert len(last) == len(frame)
    for row in last:
        assert row["bic"] == frame.bic[row["n_components"], row["covariance_type"]]
    first = [row for _, _, row in told if row["step"] == "first"]
    assert {row["failure"] for row in first} == {"not finished: the sweep was stopped"}
    for row in first:  # the same rows, so no step makes it worse
        bic = frame.bic[row["n_components"], row["covariance_type"]]
        assert bic <= row["bic"] + 1e-3


def test_verbose_prints_steps(capsys):
    search = GaussianMixtureSearch([1, 2], ["EEE"], random_state=0, verbose=1, n_jobs=1)
    search.fit(load_faithful().data)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("[1/6] 2 EEE, first: bic 2")
    assert lines[-1].startswith("[6/6]")
    assert "EEE, finished: bic 2" in lines[-1]


def test_ctrl_c_keeps_what_there_is(tmp_path):
    def interrupt(n_done, *_):
        if n_done == 5:
            raise KeyboardInterrupt

    search = GaussianMixtureSearch(
        [1, 2, 3],
        ["EEE", "VVV"],
        random_state=0,
        callback=interrupt,
        checkpoint=tmp_path / "sweep",
        resume=True,
    )
    with pytest.raises(KeyboardInterrupt):
        search.fit(load_faithful().data)
    assert search.best_params_["n_components"] in (1, 2, 3)
    assert (tmp_path / "sweep").is_file()


def test_ctrl_c_before_the_first_mixture_is_ctrl_c(monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("mixtura.sweep.sweep.search_from", interrupted)
    search = GaussianMixtureSearch([1, 2], ["EEE"], random_state=0)
    with pytest.raises(KeyboardInterrupt):
        search.fit(load_faithful().data)
    assert not hasattr(search, "results_")


def test_a_search_in_another_thread_ends_when_it_is_told_to():
    """Otherwise it would end after 2,000 E-steps of 10,000 rows and 40 components, in some minutes."""
    rng = np.random.default_rng(0)
    X, began, ended, stop = rng.normal(size=(10_000, 8)), Event(), [], Stop()
    m_step = MaximumLikelihood(structure("VVV"), np.full(8, 1e-9))

    def run():
        began.set()
        with pytest.raises(SearchStopped):
            search_of_a_start(ArrayBlocks(Rows(X)), m_step, 40, 0, stop=stop)
        ended.append(True)

    thread = Thread(target=run)
    thread.start()
    began.wait()
    stop.set()
    thread.join(60)
    assert ended == [True]


def test_what_a_stopped_sweep_has_not_finished_says_so(small):
    X, _ = small
    stopped = GaussianMixtureSearch(
        range(1, 5), random_state=0, callback=lambda *a: a[2]["step"] == "finished", n_jobs=1
    )
    with pytest.warns(DataWarning, match="55 of 56 cells not finished"):
        stopped.fit(X)
    frame = frame_of(stopped).assign(delta=stopped.delta_)
    assert sum(frame.failure == "") == 1
    assert frame.failure.iloc[stopped.best_index_] == ""
    unfinished = frame[frame.failure == "not finished: the sweep was stopped"]
    assert len(unfinished) > 40
    assert np.isfinite(unfinished.bic).all()
    assert unfinished.delta.isna().all()


def test_the_best_is_not_finished_only_where_nothing_is(small):
    X, _ = small
    stopped = GaussianMixtureSearch(
        range(1, 5), random_state=0, callback=lambda n, *_: n == 30, n_jobs=1
    )
    with pytest.warns(DataWarning, match="56 of 56 cells not finished"):
        stopped.fit(X)
    assert stopped.best_score_ == np.nanmin(stopped.results_["bic"])
    assert len(stopped.top(100)) == 30
    assert (stopped.results_["n_parameters"] > 0).all()
    plot_search(stopped)


def test_max_time_keeps_what_there_is():
    search = GaussianMixtureSearch(range(1, 13), random_state=0, n_init=30, max_time=0.5)
    with pytest.warns(DataWarning, match="stopped"):
        search.fit(load_iris().data)
    assert search.best_estimator_.mixture_.n_components >= 1


def test_no_time_at_all_is_a_sentence_of_its_own(tmp_path):
    search = GaussianMixtureSearch(
        [2], random_state=0, max_time=0.0, checkpoint=tmp_path / "sweep", resume=True
    )
    with pytest.raises(ValueError, match="No model could be fitted within max_time=0 seconds"):
        search.fit(load_iris().data)


def test_a_step_that_time_cuts_short_is_done_again(tmp_path, small, monkeypatch):
    X, whole = small
    calls, now = [], [0.0]

    def cut_short(*arguments):
        calls.append(arguments)
        if len(calls) < 20:
            return search_from(*arguments)
        now[0] = np.inf
        return search_from(*arguments[:6], -np.inf, *arguments[7:])  # one descent, no more

    monkeypatch.setattr("mixtura.sweep.sweep.search_from", cut_short)
    monkeypatch.setattr("mixtura.sweep.sweep.monotonic", lambda: now[0])
    options = {
        "n_components": range(1, 5),
        "random_state": 0,
        "checkpoint": tmp_path / "sweep",
        "resume": True,
    }
    with pytest.warns(DataWarning, match="not finished"):
        part = GaussianMixtureSearch(**options, max_time=1000, n_jobs=1).fit(X)
    assert (
        np.isfinite(part.results_["bic"]).sum() == 20
    )  # it counts for as long as nothing else is there
    monkeypatch.undo()
    heard = []
    again = GaussianMixtureSearch(**options, callback=lambda *a: heard.append(a[0]), n_jobs=1)
    assert_same_results(again.fit(X), whole)
    assert heard[0] == 20  # the nineteen before it stand


def test_a_file_of_other_data_is_refused(tmp_path):
    X = load_faithful().data
    search = GaussianMixtureSearch(
        [1], ["EEE"], random_state=0, checkpoint=tmp_path / "sweep", resume=True
    ).fit(X)
    with pytest.raises(ValueError, match="a sweep over other rows or weights"):
        search.fit(X[1:])
    with pytest.raises(ValueError, match=r"a sweep with tol=1e-06, but tol is now 0\.1"):
        clone(search).set_params(tol=0.1).fit(X)
    (tmp_path / "sweep").write_bytes(b"something else")
    with pytest.raises(ModelFileError, match="cannot resume from"):
        search.fit(X)


def test_without_resume_a_sweep_begins_anew_and_replaces_the_file(tmp_path):
    X = load_faithful().data
    options = {"random_state": 0, "checkpoint": tmp_path / "sweep"}
    GaussianMixtureSearch([1], ["EEE"], **options).fit(X[1:])
    steps = []
    search = GaussianMixtureSearch(
        [1, 2], ["EEE"], **options, callback=lambda *a: steps.append(a[0])
    )
    first = search.fit(X).results_["bic"]
    assert steps[0] == 1
    steps.clear()
    assert_array_equal(search.set_params(resume=True).fit(X).results_["bic"], first)
    assert not steps  # all is done


# Bad input


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_components": []}, "n_components is empty"),
        ({"n_components": [0, 1]}, "whole numbers of at least 1, but 0 is among them"),
        ({"n_components": 2.5}, "n_components must be a name, a number or a list"),
        ({"covariance_type": []}, "covariance_type is empty"),
        ({"covariance_type": ["VVW"]}, "'VVW' is among them. Did you mean 'VVV'"),
        ({"covariance_type": "al"}, "Did you mean 'all'"),
        ({"covariance_type": [["VVV"]]}, r"but \['VVV'\] is among them"),
        ({"covariance_type": [3]}, "but 3 is among them"),
        (
            {"covariance_type": "E"},
            "'E' is for one feature, but there are 2: its name for several is 'EII'",
        ),
        ({"criterion": "bci"}, "criterion must be one of .* Did you mean 'bic'"),
        ({"sign": "R"}, "sign must be one of 'sklearn', 'mclust'"),
        ({"n_components": [300]}, "300 components, but X has only 256 distinct rows"),
        ({"n_jobs": 0}, "n_jobs must not be 0"),
        ({"tol": -1}, "'tol' parameter"),
    ],
)
def test_bad_input_is_one_sentence(arguments, message):
    with pytest.raises(ValueError, match=message):
        GaussianMixtureSearch(**arguments).fit(load_faithful().data)


def test_a_checkpoint_that_cannot_be_written_is_seen_at_once(tmp_path):
    X = np.array("no rows at all")
    with pytest.raises(FileNotFoundError, match=r"cannot be written: the folder .* does not exist"):
        GaussianMixtureSearch(checkpoint=tmp_path / "none" / "sweep").fit(X)
    with pytest.raises(IsADirectoryError, match="is a folder: name a file"):
        GaussianMixtureSearch(checkpoint=tmp_path).fit(X)
    with pytest.raises(
        ValueError, match="resume=True goes on from a file: name it with checkpoint="
    ):
        GaussianMixtureSearch(resume=True).fit(X)
    with pytest.raises(ValueError, match="must be True or False, got 'sweep': name the file with"):
        GaussianMixtureSearch(resume="sweep").fit(X)


def test_a_sweep_whose_file_cannot_be_written_any_more_leaves_what_it_has(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mixtura.sweep.checkpoint.write_state", full)
    search = GaussianMixtureSearch(
        [1, 2], ["EEE"], random_state=0, checkpoint=tmp_path / "sweep", resume=True
    )
    with pytest.raises(OSError, match="No space left"):
        search.fit(load_faithful().data)
    assert search.predict(load_faithful().data).shape == (272,)


def test_a_cell_that_is_not_there(small):
    _, search = small
    with pytest.raises(ValueError, match="no cell 9, 'VVV'"):
        search.estimator(9, "VVV")


def test_where_every_way_leads_to_a_spike_the_mixture_before_it_stands():
    """Rows written down to few digits: EM of many components ends on ties, which is no model."""
    rng = np.random.default_rng(2)
    X = np.round(rng.gamma(1.0, 1.0, (120, 4)) * [1, 1, 0.6, 0.4], 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search = GaussianMixtureSearch([8, 9], covariance_type=["VVV"], random_state=1).fit(X)
    assert not search.results_["degenerate"].any()
    for k in (8, 9):
        diagnosis = search.estimator(k, "VVV").diagnosis_
        assert set(diagnosis.verdict) == {"sound"}
