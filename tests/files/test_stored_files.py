"""Files that an earlier commit wrote: they are read, and written again with all they held."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from safetensors import safe_open

import mixtura
from mixtura import GaussianMixtureSearch

DATA = Path(__file__).parents[1] / "data"
MODEL = DATA / "model_of_version_1.safetensors"
SWEEP = DATA / "sweep_of_version_3.safetensors"

# The rows that both were fitted to.
X = np.arange(48.0).reshape(24, 2) % 7 + 10 * (np.arange(24) % 2)[:, np.newaxis]


def contents(path, description):
    """Header with its JSON, arrays."""
    with safe_open(path, framework="numpy") as opened:
        header = opened.metadata()
        return header | {description: json.loads(header[description])}, {
            name: opened.get_tensor(name)
            for name in opened.keys()  # noqa: SIM118
        }


def without_later(ours, theirs):
    """Without the facts and arguments that later versions added to what an earlier one wrote."""
    if not isinstance(ours, dict) or not isinstance(theirs, dict):
        return ours
    return {
        name: without_later(ours[name], known) for name, known in theirs.items() if name in ours
    }


def assert_same_content(ours, theirs, description):
    (header, arrays), (known_header, known_arrays) = (
        contents(path, description) for path in (ours, theirs)
    )
    header[description].pop("library_version", None)
    known_header[description].pop("library_version", None)
    assert without_later(header, known_header) == known_header
    assert arrays.keys() == known_arrays.keys()
    for name, array in arrays.items():
        assert_array_equal(array, known_arrays[name])


def test_a_model_file_is_written_again_as_it_was(tmp_path):
    model = mixtura.load(MODEL)
    model.save(tmp_path / "model")
    assert_same_content(tmp_path / "model", MODEL, "model")
    summary = model.summary()
    assert (summary.n_rows, summary.n_batches, summary.n_iter) == (30, 1, model.n_iter_)
    assert summary.weight == pytest.approx(30)
    assert "sound" in model.diagnosis_.verdict


def test_a_stream_goes_on_from_a_model_file():
    model = mixtura.load(MODEL)
    n_iter, bounds = model.n_iter_, model.lower_bounds_
    model.partial_fit(X[6:12])
    assert (model.n_iter_, len(model.lower_bounds_)) == (n_iter + 1, len(bounds) + 1)
    assert model.summary().n_rows == 36


def test_the_state_of_a_sweep_is_gone_on_from_and_written_again_as_it_was(tmp_path):
    file = tmp_path / "sweep"
    shutil.copy(SWEEP, file)
    own = {"random_state": 0, "n_jobs": 1, "checkpoint": file, "resume": True}
    search = GaussianMixtureSearch([1, 2], ["VVI"], **own).fit(X)
    assert_same_content(file, SWEEP, "facts")
    header, arrays = contents(SWEEP, "facts")
    cell = header["facts"]["cells"]["2 VVI"]
    best = search.estimator(2, "VVI")
    assert best.lower_bounds_ == cell["lower_bounds"]
    assert (best.n_iter_, best.converged_) == (len(cell["lower_bounds"]), cell["converged"])
    assert_array_equal(best.mixture_.means, arrays["last 2 VVI means"])
