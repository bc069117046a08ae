"""There and back, of every structure, to every target, with names and weights: the same mixture."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_iris

from mixtura import BayesianGaussianMixture, GaussianMixture, GaussianMixtureSearch, Mixture, export
from mixtura.covariance import STRUCTURES
from mixtura.datasets import load_faithful

#: How each target writes and reads, and what it makes of a structure's name.
TARGETS = {
    "sklearn": (lambda model, _: export.to_sklearn(model), export.from_sklearn),
    "json": (
        lambda model, folder: to_file(export.to_json, model, folder / "a.json"),
        export.from_json,
    ),
    "mclust": (
        lambda model, folder: to_file(export.to_mclust, model, folder / "a.json"),
        export.from_mclust,
    ),
    "matlab": (
        lambda model, folder: to_file(export.to_matlab, model, folder / "a.mat"),
        export.from_matlab,
    ),
    "spark": (
        lambda model, folder: to_file(export.to_spark, model, folder / "a"),
        export.from_spark,
    ),
}
KERNELS = ("full", "tied", "diag", "spherical")
NAMES_KEPT = ("sklearn", "json", "mclust", "matlab")


def to_file(write, model, path):
    write(model, path)
    return path


def name_there(target, structure):
    """What the structure is called after the journey."""
    if target == "sklearn":
        return structure if structure in KERNELS else STRUCTURES[structure].kernel.name
    if target == "mclust":
        return STRUCTURES[structure].letters
    return "full" if target == "spark" else structure


@pytest.fixture(scope="module")
def fitted():
    """A model of each structure and dtype, with names of columns and weights."""
    iris = load_iris()
    found = {}

    def fit(structure, dtype):
        if (structure, dtype) not in found:
            frame = pd.DataFrame(
                iris.data[:, :3].astype(dtype), columns=["length", "breadth é", "petal 3"]
            )
            weights = 1.0 + np.arange(len(frame)) % 3
            model = GaussianMixture(2, covariance_type=structure, random_state=0)
            found[structure, dtype] = model.fit(frame, sample_weight=weights), frame
        return found[structure, dtype]

    return fit


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("target", TARGETS)
def test_every_structure_comes_back_the_same(target, structure, dtype, fitted, tmp_path):
    model, frame = fitted(structure, dtype)
    there, back = TARGETS[target]
    again = back(there(model, tmp_path))
    assert again.covariance_type == name_there(target, structure)
    rows = frame if target in NAMES_KEPT else frame.to_numpy()
    X = frame.to_numpy(dtype=np.float64)
    assert_allclose(
        again.mixture_.log_density(X), model.mixture_.log_density(X), rtol=0, atol=1e-10
    )
    assert_allclose(
        again.predict_proba(rows),
        model.predict_proba(frame),
        rtol=0,
        atol=1e-6 if dtype == "float32" else 1e-10,
    )
    assert_allclose(again.mixture_.weights, model.mixture_.weights, rtol=1e-14)
    if target in NAMES_KEPT:
        assert list(again.feature_names_in_) == list(frame.columns)
    else:
        assert not hasattr(again, "feature_names_in_")


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    ("structure", "n_components", "n_features"),
    [
        ("E", 2, 1),
        ("V", 3, 1),
        ("full", 1, 3),
        ("EVE", 3, 1),
        ("diag", 1, 2),
        ("tied", 1, 1),
        ("EEI", 4, 4),
    ],
)
def test_few_features_and_few_components(target, structure, n_components, n_features, tmp_path):
    X = load_iris().data[:, :n_features]
    model = GaussianMixture(n_components, covariance_type=structure, random_state=0).fit(X)
    there, back = TARGETS[target]
    again = back(there(model, tmp_path))
    assert_allclose(again.score_samples(X), model.score_samples(X), rtol=0, atol=1e-10)
    assert_allclose(again.means_, model.means_, rtol=1e-12)


@pytest.mark.parametrize("target", TARGETS)
def test_a_mixture_as_a_value(target, tmp_path):
    mixture = Mixture.from_parameters(
        [0.3, 0.7], [[0.0, 1.0], [4.0, 5.0]], [[1.0, 2.0], [3.0, 4.0]], covariance_type="diag"
    )
    there, back = TARGETS[target]
    again = back(there(mixture, tmp_path))
    X = [[0.0, 0.0], [2.0, 3.0]]
    assert_allclose(again.score_samples(X), mixture.log_density(X), rtol=1e-13)


@pytest.mark.parametrize("target", ["json", "mclust", "matlab", "spark"])
def test_of_a_posterior_the_mixture_of_its_expectations(target, tmp_path):
    X = load_faithful().data
    model = BayesianGaussianMixture(3, random_state=0).fit(X)
    there, back = TARGETS[target]
    again = back(there(model, tmp_path))
    assert_allclose(again.score_samples(X), model.mixture_.log_density(X), rtol=0, atol=1e-10)
    assert type(again) is GaussianMixture


@pytest.mark.parametrize("target", ["json", "mclust"])
@pytest.mark.parametrize("structure", ["full", "EVE", "EII"])
def test_noise_comes_back_where_it_can_be_held(target, structure, tmp_path):
    X = with_noise()
    model = GaussianMixture(2, covariance_type=structure, noise=True, random_state=0).fit(X)
    there, back = TARGETS[target]
    again = back(there(model, tmp_path))
    assert_allclose(again.predict_proba(X), model.predict_proba(X), rtol=0, atol=1e-10)
    assert again.noise_weight_ == pytest.approx(model.noise_weight_, rel=1e-12)
    assert (again.predict(X) == -1).sum() > 10
    assert hasattr(again, "noise_box_") == (target == "json")


def with_noise():
    rng = np.random.default_rng(0)
    return np.r_[load_faithful().data, rng.uniform([0, 40], [6, 100], (40, 2))]


def test_tails_come_back_in_json(tmp_path):
    X = load_faithful().data
    model = GaussianMixture(2, distribution="t", random_state=0).fit(X)
    export.to_json(model, tmp_path / "t.json")
    again = export.from_json(tmp_path / "t.json")
    assert_allclose(again.score_samples(X), model.score_samples(X), rtol=0, atol=1e-10)
    assert_allclose(again.df_, model.df_)


# What a format cannot hold


@pytest.mark.parametrize("target", ["sklearn", "matlab", "spark", "mclust"])
def test_tails_are_refused_where_there_is_no_place_for_them(target, tmp_path):
    model = GaussianMixture(2, distribution="t", random_state=0).fit(load_faithful().data)
    with pytest.raises(ValueError, match="are of Student's t: fit with distribution='gaussian'"):
        TARGETS[target][0](model, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("target", ["sklearn", "matlab", "spark"])
def test_noise_is_refused_where_there_is_no_place_for_it(target, tmp_path):
    X = with_noise()
    model = GaussianMixture(2, noise=True, random_state=0).fit(X)
    there, back = TARGETS[target]
    with pytest.raises(ValueError, match=r"has no place for noise: give model\.mixture_"):
        there(model, tmp_path)
    assert not list(tmp_path.iterdir())
    again = back(there(model.mixture_, tmp_path))  # as the sentence says
    assert_allclose(again.score_samples(X), model.mixture_.log_density(X), atol=1e-10)


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_no_fitted_model(target, tmp_path):
    there, _ = TARGETS[target]
    search = GaussianMixtureSearch([1, 2], random_state=0).fit(load_faithful().data)
    with pytest.raises(TypeError, match="GaussianMixtureSearch: give its best_estimator_"):
        there(search, tmp_path)
    with pytest.raises(TypeError, match=f"to_{target} takes a Mixture, .* got int"):
        there(7, tmp_path)
    with pytest.raises(Exception, match="is not fitted"):
        there(GaussianMixture(2), tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("target", ["json", "mclust", "matlab"])
def test_a_file_that_cannot_be_written_leaves_the_older_one(target, tmp_path, monkeypatch):
    model = GaussianMixture(1).fit(load_faithful().data)
    there, _ = TARGETS[target]
    path = there(model, tmp_path)
    before = path.read_bytes()

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match=f"cannot write {path}: No space left"):
        there(GaussianMixture(2, random_state=0).fit(load_faithful().data), tmp_path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_nothing_is_imported_before_it_is_needed():
    code = (
        "import sys, mixtura; assert not {'mixtura.export', 'pyarrow'} & set(sys.modules); "
        "sys.modules |= dict.fromkeys(['onnx', 'jax', 'pyspark', 'rpy2']); "
        "import mixtura.export; mixtura.export.to_json, mixtura.export.to_spark"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_plain_json_is_what_it_says(tmp_path):
    model = GaussianMixture(2, covariance_type="EEI", random_state=0).fit(load_faithful().data)
    content = export.to_json(model, tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_text()) == content
    assert content["structure"] == "EEI"
    assert content["features"] is content["df"] is content["noise"] is None
    assert_allclose(content["covariances"], model.mixture_.covariance_matrices(), rtol=0)
    least = {name: content[name] for name in ("weights", "means", "covariances")}
    assert export.from_json(least).covariance_type == "full"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"weights": None}, "'weights' of .* must be numbers in lists"),
        ({"weights": [0.5, 0.6]}, "weights must sum to 1"),
        ({"means": [[0.0], [1.0, 2.0]]}, "'means' of .* must be numbers in lists, 2 deep"),
        ({"covariances": [[[1.0]]]}, "must be 2 matrices of 1 x 1 numbers"),
        ({"covariances": [[[1.0]], [[-1.0]]]}, "component 1 is not positive definite"),
        (
            {"covariances": [[[1.0]], [[2.0]]], "structure": "EII"},
            "'EII' covariances must have equal volumes",
        ),
        ({"structure": "EIE"}, "names no covariance structure: 'EIE'"),
        ({"features": ["a", "b"]}, "names 2 columns, but its means have 1"),
        ({"df": [0, 1]}, "df must be above 0"),
        ({"noise": {"weight": 0.1}}, "must be null or have 'weight' and 'log_volume'"),
        ({"format": "mixtura mixture 2"}, "has the format 'mixtura mixture 2', which is not"),
    ],
)
def test_json_that_is_no_mixture(change, sentence):
    right = {"weights": [0.4, 0.6], "means": [[0.0], [9.0]], "covariances": [[[1.0]], [[1.0]]]}
    export.from_json(right)
    with pytest.raises(ValueError, match=sentence):
        export.from_json(right | change)


@pytest.mark.parametrize("read", [export.from_json, export.from_mclust])
@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is no JSON"),
        ("[1, 2]", "must hold an object, but holds a list"),
        ("{}", "has no "),
        ("\xff", "is no JSON"),
    ],
)
def test_files_that_hold_something_else(read, text, sentence, tmp_path):
    (tmp_path / "a.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=sentence):
        read(tmp_path / "a.json")
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "b.json")
    with pytest.raises(TypeError, match="takes a path or a dict, got int"):
        read(3)
