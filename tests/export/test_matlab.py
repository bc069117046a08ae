"""Files of MATLAB: what Octave wrote is read, and Octave makes a gmdistribution of what we write."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.io import loadmat, savemat
from sklearn.datasets import load_iris

from mixtura import GaussianMixture
from mixtura.covariance import STRUCTURES
from mixtura.export import from_matlab, to_matlab

STORED = Path(__file__).parents[1] / "data" / "export"
X = load_iris().data[:, :3]
# Of each structure Sigma for 3 features and 2 components, as gmdistribution has it.
SHAPES = {"full": (3, 3, 2), "tied": (3, 3), "diag": (1, 3, 2), "spherical": (1, 3, 2)}


@pytest.mark.parametrize(
    ("name", "structure"),
    [
        ("struct", "full"),
        ("diagonal", "diag"),
        ("shared", "tied"),
        ("both", "EEI"),
        ("one_feature", "full"),
    ],
)
def test_what_octave_wrote(name, structure):
    file = STORED / f"octave_{name}.mat"
    said, model = loadmat(file), from_matlab(file)
    assert model.covariance_type == structure
    at = said["at"].astype(float)
    assert_allclose(np.exp(model.score_samples(at)), said["density"][:, 0], rtol=1e-12)
    assert_allclose(model.predict_proba(at), said["P"], rtol=0, atol=1e-12)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_the_shape_of_sigma_is_that_of_a_gmdistribution(structure, tmp_path):
    model = GaussianMixture(2, covariance_type=structure, random_state=0).fit(X)
    to_matlab(model, tmp_path / "a.mat")
    content = loadmat(tmp_path / "a.mat")
    kind = STRUCTURES[structure]
    shape = SHAPES[kind.kernel.name] if "V" in kind.letters else SHAPES[kind.kernel.name][:2]
    assert content["Sigma"].shape == shape
    assert content["mu"].shape == (2, 3)
    assert content["ComponentProportion"].shape == (1, 2)
    assert content["CovarianceType"][0] == ("full" if kind.has_matrices else "diagonal")
    assert bool(content["SharedCovariance"][0, 0]) == (len(shape) == 2)
    assert content["NegativeLogLikelihood"][0, 0] == pytest.approx(-model.score(X) * len(X))
    assert content["BIC"][0, 0] == pytest.approx(model.bic(X))
    assert content["Converged"][0, 0] == model.converged_


@pytest.mark.nightly
@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("n_features", [1, 3])
def test_octave_makes_a_gmdistribution_of_ours(structure, n_features, tmp_path):
    if not shutil.which("octave-cli"):
        pytest.skip(
            "needs Octave and its package statistics (apt install octave octave-statistics)"
        )
    rows = X[:, :n_features]
    model = GaussianMixture(2, covariance_type=structure, random_state=0).fit(rows)
    to_matlab(model, tmp_path / "a.mat")
    savemat(tmp_path / "rows.mat", {"X": rows})
    code = (
        "pkg load statistics; s = load('a.mat'); load('rows.mat'); "
        "gm = gmdistribution(s.mu, s.Sigma, s.ComponentProportion); "
        "density = pdf(gm, X); P = posterior(gm, X); save('-v7', 'said.mat', 'density', 'P');"
    )
    # Some releases of Octave end badly when all is done: what counts is what it wrote.
    subprocess.run(["octave-cli", "--eval", code], cwd=tmp_path, timeout=120, capture_output=True)
    said = loadmat(tmp_path / "said.mat")
    assert_allclose(np.log(said["density"][:, 0]), model.score_samples(rows), rtol=0, atol=1e-10)
    assert_allclose(said["P"], model.predict_proba(rows), rtol=0, atol=1e-10)


PARTS = {
    "mu": np.array([[0.0, 1.0], [2.0, 3.0]]),
    "Sigma": np.eye(2),
    "ComponentProportion": [0.5, 0.5],
}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            {"a": 1},
            "has a, and not mu, Sigma and ComponentProportion; of a gmdistribution gm, MATLAB writes",
        ),
        ({}, "has nothing that can be read here"),
        (PARTS | {"mu": np.zeros((3, 1))}, "mu of .* must have a row for each of the 2 numbers"),
        (PARTS | {"mu": "text"}, "mu of .* must be numbers"),
        (PARTS | {"Sigma": np.eye(3)}, "Sigma of .* has 9 numbers, but 2 x 2 are needed"),
        (PARTS | {"Sigma": -np.eye(2)}, "covariance is not positive definite"),
        (PARTS | {"ComponentProportion": [0.5, 0.6]}, "weights must sum to 1"),
        (PARTS | {"structure": "EVW"}, "names no covariance structure: 'EVW'"),
        ({"s": PARTS, "t": PARTS}, "holds 2 mixtures"),
    ],
)
def test_files_that_hold_no_mixture(content, sentence, tmp_path):
    savemat(tmp_path / "a.mat", content)
    with pytest.raises(ValueError, match=sentence):
        from_matlab(tmp_path / "a.mat")


@pytest.mark.parametrize("content", [b"", b"text", b"x" * 500, bytes(range(256)) * 3])
def test_files_that_are_none_of_matlab(content, tmp_path):
    (tmp_path / "a.mat").write_bytes(content)
    with pytest.raises(ValueError, match=r"is no \.mat file, or is damaged"):
        from_matlab(tmp_path / "a.mat")


def test_damaged_files_are_errors_of_one_kind(tmp_path):
    whole = (STORED / "octave_struct.mat").read_bytes()
    rng, path = np.random.default_rng(0), tmp_path / "a.mat"
    refused = 0
    for _ in range(100):
        damaged = bytearray(whole[: rng.integers(len(whole))])
        if len(damaged):
            damaged[rng.integers(len(damaged))] ^= 255
        path.write_bytes(damaged)
        try:
            from_matlab(path)
        except ValueError:
            refused += 1
    assert refused > 90


def test_the_format_that_scipy_does_not_read(tmp_path):
    header = b"MATLAB 7.3 MAT-file".ljust(124) + (0x0200).to_bytes(2, "little") + b"IM"
    (tmp_path / "a.mat").write_bytes(header + bytes(512))
    with pytest.raises(
        ValueError, match=r"version 7\.3: write it in MATLAB with save\(\.\.\., '-v7'\)"
    ):
        from_matlab(tmp_path / "a.mat")
    with pytest.raises(FileNotFoundError):
        from_matlab(tmp_path / "b.mat")
