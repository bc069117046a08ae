"""Damaged files are refused in one sentence: no crash, no other error, nothing that makes no sense."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from mixtura import (
    FittedMixtures,
    GaussianMixture,
    GaussianMixtureSearch,
    ModelFileError,
    fit_many,
    load,
)
from mixtura._core import Acceleration, Structure

FUZZER = Path(__file__).parents[2] / "benchmarks" / "fuzz" / "files.py"
X = np.random.default_rng(0).normal(size=(60, 2))


@pytest.mark.skipif(not FUZZER.exists(), reason="outside the repository")
def test_files_damaged_at_random():
    """A fixed number of them; `make nightly` damages many more."""
    command = [sys.executable, FUZZER, "--count", "100", "--seed", "1"]
    run = subprocess.run(command, check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "0 crash, 0 undocumented, 0 nonsense" in run.stdout


def rewrite(path, facts=None, arrays=None, name="facts"):
    """Write a file again: `facts` changes its JSON in place or gives it as text."""
    with safe_open(path, framework="numpy") as opened:
        metadata = dict(opened.metadata())
    if callable(facts):
        changed = json.loads(metadata[name])
        facts(changed)
        metadata[name] = json.dumps(changed)
    elif facts is not None:
        metadata[name] = facts
    save_file(load_file(path) | (arrays or {}), path, metadata=metadata)


def putting(*keys_and_value):
    *keys, last, value = keys_and_value

    def change(facts):
        for key in keys:
            facts = facts[key]
        facts[last] = value

    return change


TEXTS = {
    "nested": "[" * 100_000,
    "a number of too many digits": '{"n_iter": ' + "9" * 5_000 + "}",
    "no JSON": "{",
    "no object": "[]",
}


class Stop(BaseException):
    pass


def stop(iteration, *_):
    if iteration == 3:
        raise Stop


@pytest.fixture
def fit(tmp_path):
    """A fit that was interrupted."""
    options = {"random_state": 0, "accelerate": True, "tol": 0, "max_iter": 6, "n_init": 2}
    options["init_params"] = "kmeans"
    path = tmp_path / "fit"
    model = GaussianMixture(2, **options, checkpoint=path, checkpoint_interval=0, callback=stop)
    with pytest.raises(Stop):
        model.fit(X)
    return model.set_params(resume=True, callback=None)


@pytest.fixture
def sweep(tmp_path):
    search = GaussianMixtureSearch(
        [1, 2], ["VVV"], random_state=0, checkpoint=tmp_path / "sweep", resume=True
    )
    return search.fit(X)


def refusal(path, read):
    with pytest.raises(ModelFileError) as caught:
        read()
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    assert len(message) < 1_000
    return message


MODEL = {
    "a NaN likelihood": putting("log_likelihood", np.nan),
    "a huge weight": putting("weight", 10**400),
    "a weight of nothing": putting("weight", 5e-324),
    "text for n_iter": putting("n_iter", "3"),
    "true for n_iter": putting("n_iter", True),
    "half an iteration": putting("n_iter", 0.5),
    "negative n_rows": putting("n_rows", -1),
    "text for converged": putting("converged", "yes"),
    "a number for a bound": putting("lower_bounds", 3),
    "text among the bounds": putting("lower_bounds", ["-1"]),
    "too few effective rows": putting("effective_rows", [1.0]),
    "negative reg_covar": putting("reg_covar", [-1.0, 1.0]),
    "an argument of the wrong type": putting("parameters", "max_iter", "many"),
    "a seed out of range": putting("parameters", "random_state", 2**40),
    "no threads": putting("parameters", "n_jobs", 0),
}


@pytest.mark.parametrize("case", [*MODEL, *TEXTS])
def test_a_model_of_nonsense(case, tmp_path):
    path = tmp_path / "model"
    GaussianMixture(2, init_params="kmeans", random_state=0).fit(X).save(path)
    rewrite(path, MODEL.get(case) or TEXTS[case], name="model")
    refusal(path, lambda: load(path))


MANY = {
    "as many keys as there are not": putting("keys", [0]),
    "a list for a key": putting("keys", [[0], 1]),
    "a number for a failure": putting("failures", [1, ""]),
    "no models": putting("models", [None, None]),
    "text for a model": putting("models", ["x", None]),
    "a number for by": putting("by", 3),
    "no structure": putting("models", 0, "covariance_type", "x"),
    "no arguments": putting("models", 0, "parameters", {"n_components": 3}),
    "a NaN likelihood": putting("models", 0, "log_likelihood", np.nan),
}


@pytest.mark.parametrize("case", [*MANY, *TEXTS])
def test_many_models_of_nonsense(case, tmp_path):
    path = tmp_path / "many"
    fit_many([X, X], 2, init_params="kmeans", random_state=0).save(path)
    rewrite(path, MANY.get(case) or TEXTS[case])
    refusal(path, lambda: FittedMixtures.load(path))


STATISTICS = {
    "seconds of no sign": {"statistics_seconds": -np.tile(np.eye(2), (2, 1, 1))},
    "seconds that are not symmetric": {"statistics_seconds": 99 * np.triu(np.ones((2, 2, 2)))},
    "firsts that no rows have": {"statistics_firsts": np.full((2, 2), 1e6)},
    "centres of another world": {"statistics_centres": np.full((2, 2), 1e300)},
    "empty ones": {"statistics_counts": np.zeros(0)},
    "single ones": {"statistics_counts": np.ones(2, dtype=np.float32)},
    "counts of more rows than there are": {"statistics_counts": np.full(2, 1e308)},
}


@pytest.mark.parametrize("case", STATISTICS)
def test_statistics_of_no_rows(case, tmp_path):
    path = tmp_path / "model"
    GaussianMixture(2, random_state=0).fit(X).save(path)
    rewrite(path, arrays=STATISTICS[case])
    refusal(path, lambda: load(path))


CHECKPOINT = {
    "text for seeds": putting("seeds", "7" * 5_000),
    "a seed too few": putting("seeds", [1]),
    "a seed that is none": putting("seeds", [1, -1]),
    "all done and nothing found": putting("n_done", 2),
    "a start beyond the last": putting("current", "index", 5),
    "the wrong start": putting("current", "index", 1),
    "a NaN in the history": putting("current", "history", [np.nan]),
    "text in the history": putting("current", "history", ["-1"]),
    "a history of no list": putting("current", "history", None),
    "huge numbers": putting("current", "n_refused", 10**400),
    "a journal of numbers": putting("current", "journal", [1]),
    "an identity of no object": putting("identity", [1]),
    "no seeds": lambda facts: facts.pop("seeds"),
}


@pytest.mark.parametrize("case", [*CHECKPOINT, *TEXTS])
def test_a_checkpoint_of_nonsense(case, fit):
    rewrite(fit.checkpoint, CHECKPOINT.get(case) or TEXTS[case])
    refusal(fit.checkpoint, lambda: fit.fit(X))


CHECKPOINT_ARRAYS = {
    "weights that sum to 1e10": {"current weights": np.array([0.0, 1e10])},
    "negative variances": {"current covariances": -np.tile(np.eye(2), (2, 1, 1))},
    "factors of other covariances": {"current precisions_cholesky": np.tile(np.eye(2), (2, 1, 1))},
    "factors beyond all numbers": {"current precisions_cholesky": np.full((2, 2, 2), 1e308)},
    "factors that overflow": {"current precisions_cholesky": np.tile(1e308 * np.eye(2), (2, 1, 1))},
    "means of more features": {"current means": np.zeros((2, 3))},
    "more components": {"current weights": np.full(3, 1 / 3)},
    "means beyond all numbers": {"current means": np.full((2, 2), 1e200)},
    "an acceleration of a few numbers": {"current acceleration": np.zeros(3)},
    "an acceleration of more dimensions": {"current acceleration": np.zeros((8, 8))},
}


@pytest.mark.parametrize("case", CHECKPOINT_ARRAYS)
def test_a_checkpoint_of_other_arrays(case, fit):
    rewrite(fit.checkpoint, arrays=CHECKPOINT_ARRAYS[case])
    refusal(fit.checkpoint, lambda: fit.fit(X))


@pytest.mark.filterwarnings("ignore:.*did not converge")
def test_a_whole_checkpoint_goes_on(fit):
    assert fit.fit(X).n_iter_ > 0


KEY = "2 VVV"
SWEEP = {
    "an unknown look": putting("looks", {"third": {}}),
    "a look of no object": putting("looks", "first", 3),
    "a mixture that is not there": putting("looks", "first", "7 VVV", None),
    "an unknown structure": putting("looks", "first", "2 WWW", None),
    "a number of components of no number": putting("cells", "² VVV", {}),
    "no components": putting("looks", "first", "0 VVV", "failed"),
    "a cell of no object": putting("cells", KEY, 3),
    "a NaN likelihood": putting("cells", KEY, "log_likelihood", np.nan),
    "a weight below zero": putting("cells", KEY, "weight", -1.0),
    "seconds of text": putting("cells", KEY, "seconds", "1"),
    "true for text": putting("cells", KEY, "failure", True),
    "text for a list": putting("cells", KEY, "effective_rows", "12"),
    "neither fit nor failure": lambda facts: facts["cells"][KEY].pop("weight"),
    "no settings": lambda facts: facts.pop("settings"),
    "settings of no object": putting("settings", [1]),
}


@pytest.mark.parametrize("case", [*SWEEP, *TEXTS])
def test_a_sweep_of_nonsense(case, sweep):
    rewrite(sweep.checkpoint, SWEEP.get(case) or TEXTS[case])
    refusal(sweep.checkpoint, lambda: sweep.fit(X))


def test_the_seed_of_a_sweep_is_checked_before_it_is_used(sweep):
    rewrite(sweep.checkpoint, putting("settings", "seed", 10**400))
    refusal(sweep.checkpoint, lambda: sweep.set_params(random_state=None).fit(X))


SWEEP_ARRAYS = {
    "weights that sum to 1e10": {f"last {KEY} weights": np.array([0.0, 1e10])},
    "negative variances": {f"first {KEY} covariances": -np.tile(np.eye(2), (2, 1, 1))},
    "another number of features": {f"first {KEY} means": np.zeros((2, 1))},
}


@pytest.mark.parametrize("case", SWEEP_ARRAYS)
def test_a_sweep_of_other_arrays(case, sweep):
    rewrite(sweep.checkpoint, arrays=SWEEP_ARRAYS[case])
    refusal(sweep.checkpoint, lambda: sweep.fit(X))


@pytest.mark.skipif(os.name != "posix", reason="files of POSIX")
def test_a_fifo_is_no_model(tmp_path):
    """To open one is to wait for a writer."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    assert "no regular file" in refusal(fifo, lambda: load(fifo))


def test_threads_beyond_all_numbers(tmp_path):
    path = tmp_path / "model"
    GaussianMixture(2, random_state=0).fit(X).set_params(n_jobs=2**63).save(path)
    assert load(path).predict(X).shape == (60,)


# The acceleration's own check: the file's numbers go into loops that trust their sizes


K, D = 3, 2
SIZES = [K * D, K, K * D * D, K * D * D, *[K * (1 + D + D * D)] * 6]


def state(sizes, age=0.0, has_point=1.0, has_previous=1.0):
    scalars = [100.0, 2.0, 1.0, age, has_point, has_previous, 0.0, len(sizes)]
    return np.array([*scalars, *sizes, *np.ones(int(sum(sizes)))])


def restores(numbers):
    return Acceleration(Structure.full, K, D).restore(numbers)


def test_a_whole_state_is_restored():
    assert restores(state(SIZES))
    assert restores(state([0] * 10, has_point=0.0, has_previous=0.0))
    assert restores(state([*SIZES[:4], 21, 0, 0, 0, 0, 0], has_previous=0.0))
    assert restores(state([*SIZES, 21, 21]))


BROKEN = {
    "nothing": np.zeros(0),
    "a point without a reference": state([0, 0, 0, 0, *SIZES[4:]]),
    "half a reference": state([*SIZES[:3], 0, *SIZES[4:]]),
    "a point that is empty": state([*SIZES[:4], 0, 0, 0, 0, 0, 0], has_previous=0.0),
    "a point before it that is empty": state([*SIZES[:4], 21, 21, 0, 21, 0, 0]),
    "no residual of the point before": state([*SIZES[:4], 21, 21, 21, 0, 0, 0]),
    "a point before none": state(SIZES, has_point=0.0),
    "a pair that is empty": state([*SIZES, 0, 0]),
    "half a pair": state([*SIZES, 21]),
    "too many pairs": state([*SIZES, *[21] * 12]),
    "pairs without a reference": state([*[0] * 10, 21, 21], has_point=0.0, has_previous=0.0),
    "other sizes": state([*SIZES[:4], *[20] * 6]),
    "an age that no number of steps is": state(SIZES, age=1e300),
    "NaN for a size": np.where(np.arange(len(state(SIZES))) == 8, np.nan, state(SIZES)),
    "a number too many": np.append(state(SIZES), 1.0),
    "a number too few": state(SIZES)[:-1],
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_state_is_not_restored(case):
    assert not restores(BROKEN[case])
