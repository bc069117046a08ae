"""R's mclust: what it fitted is read, and its own functions say the same of what we write."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import UserDict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_iris

from mixtura import GaussianMixture, Mixture
from mixtura.datasets import load_faithful
from mixtura.export import from_mclust, to_mclust

# Written by R: tests/data/export/mclust.R.
FITS = json.loads((Path(__file__).parents[1] / "data" / "export" / "mclust.json").read_text())
MODELS = (
    *("EII", "VII", "EEI", "VEI", "EVI", "VVI", "EEE"),
    *("VEE", "EVE", "VVE", "EEV", "VEV", "EVV", "VVV"),
)
OF_ONE = {"X": "E", "XII": "EII", "XXI": "EEI", "XXX": "EEE"}
IRIS = load_iris().data[:, :3]


def rows_of(said):
    return np.array(said["at"], dtype=float).reshape(len(said["z"]), -1)


def test_all_of_mclusts_models_are_stored():
    names = {said["fit"]["modelName"] for said in FITS.values()}
    assert names == {*MODELS, "E", "V", *OF_ONE}
    assert FITS["VEV"]["fit"]["G"] == 2


@pytest.mark.parametrize("name", FITS)
def test_what_mclust_fitted(name):
    said = FITS[name]
    model, X, fit = from_mclust(said["fit"]), rows_of(said), said["fit"]
    assert model.covariance_type == OF_ONE.get(fit["modelName"], fit["modelName"])
    assert_allclose(model.score_samples(X), said["log_density"], rtol=0, atol=1e-9)
    z = np.array(said["z"]).reshape(len(X), -1)
    assert_allclose(model.predict_proba(X), z, rtol=0, atol=1e-10)
    assert model.lower_bound_ == pytest.approx(fit["loglik"] / fit["n"])
    noise = name == "noise"
    assert model.mixture_.n_parameters + 2 * noise == fit["df"]
    assert model.noise is noise


@pytest.mark.parametrize("name", [name for name in FITS if name not in ("E", "V", "X")])
def test_the_parts_of_a_variance_are_mclusts_own(name):
    """Of the same covariances: scale, shape and orientation, factors but for signs."""
    variance = FITS[name]["fit"]["parameters"]["variance"]
    model = from_mclust(FITS[name]["fit"])
    ours = to_mclust(model)["parameters"]["variance"]
    skipped = (
        ("sigma", "orientation", "cholsigma")
        if variance["modelName"] == "XXX"
        else ("orientation",)
    )
    assert ours["modelName"] == variance["modelName"]
    assert variance.keys() - {"sigmasq"} == ours.keys() - {"sigmasq"}  # mclust's VVI has one, too
    for part in ours.keys() - {"modelName", *skipped}:
        own, theirs = np.array(ours[part]), np.array(variance[part])
        if part == "shape" and "orientation" in variance:  # axes may stand in another order
            own, theirs = np.sort(own, axis=0), np.sort(theirs, axis=0)
        assert own.size == theirs.size, part
        assert_allclose(
            np.abs(own.ravel()), np.abs(theirs.ravel()), rtol=1e-6, atol=1e-9, err_msg=part
        )


@pytest.mark.parametrize("name", [name for name in FITS if name not in ("E", "V", "X")])
def test_any_part_that_tells_the_covariances_is_enough(name):
    fit = FITS[name]["fit"]
    variance = dict(fit["parameters"]["variance"])
    expected = from_mclust(fit).mixture_.covariance_matrices()
    ways = [
        way
        for way in ("sigma", "Sigma", "cholsigma", "cholSigma", "sigmasq", "scale")
        if way in variance
    ]
    ways = (
        ways if variance["modelName"] != "VVI" else ["sigma", "scale"]
    )  # its sigmasq is another thing
    assert len(ways) > 1
    for way in ways:
        rest = {key: value for key, value in variance.items() if key not in ways or key == way}
        rest |= {"scale": variance["scale"]} if way == "scale" else {}
        again = from_mclust({**fit, "parameters": {**fit["parameters"], "variance": rest}})
        assert_allclose(again.mixture_.covariance_matrices(), expected, rtol=1e-6, atol=1e-9)


def test_the_criteria_are_mclusts():
    X = load_faithful().data
    model = GaussianMixture(2, covariance_type="EEV", noise=True, random_state=0).fit(X)
    fit = to_mclust(model)
    assert fit["df"] == model.mixture_.n_parameters + 2
    assert fit["bic"] == pytest.approx(2 * fit["loglik"] - fit["df"] * np.log(272))
    assert fit["loglik"] == pytest.approx(model.score(X) * 272)
    with_rows = to_mclust(model, X=X)
    for name in ("n", "loglik", "bic", "icl"):
        assert with_rows[name] == pytest.approx(fit[name]), name
    assert set(with_rows["classification"]) <= {0, 1, 2}
    assert_allclose(with_rows["uncertainty"], 1 - model.predict_proba(X).max(axis=1), atol=1e-12)
    bare = to_mclust(Mixture.from_parameters([1.0], [[0.0]], [[[1.0]]]))
    assert bare["n"] is bare["loglik"] is bare["bic"] is None
    with pytest.raises(ValueError, match="X has 1 features, but the mixture has 2"):
        to_mclust(model, X=X[:, :1])


class Vector(list):
    """A vector of R, as rpy2 has it: names, and items where it is a list."""

    def __init__(self, values, names=None):
        super().__init__(values)
        self.names = names

    def items(self):
        return zip(self.names, self, strict=True)


class Matrix(np.ndarray):
    """A matrix of R as rpy2 has it."""

    rownames = Vector(["eruptions", "waiting"])


class NULLType:
    """NULL of R, as rpy2 has it: without a length."""


def test_an_object_of_rpy2():
    fit = FITS["faithful"]["fit"]
    variance = fit["parameters"]["variance"]
    sigma = np.array(variance["sigma"])
    inner = Vector([Vector(["VVV"]), sigma], ["modelName", "sigma"])
    mean = np.array(fit["parameters"]["mean"]).view(Matrix)
    parameters = Vector(
        [np.array(fit["parameters"]["pro"]), mean, inner, NULLType()],
        ["pro", "mean", "variance", "Vinv"],
    )
    whole = Vector(
        [Vector([272]), Vector([fit["loglik"]]), parameters], ["n", "loglik", "parameters"]
    )
    model = from_mclust(whole)
    assert list(model.feature_names_in_) == ["eruptions", "waiting"]
    X = pd.DataFrame(rows_of(FITS["faithful"]), columns=["eruptions", "waiting"])
    assert_allclose(model.score_samples(X), FITS["faithful"]["log_density"], atol=1e-9)


def test_parameters_alone_and_any_mapping():
    parameters = FITS["EEE"]["fit"]["parameters"]
    for given in (parameters, UserDict(parameters), {"parameters": UserDict(parameters)}):
        assert from_mclust(given).covariance_type == "EEE"


def changed(name, **parts):
    fit = json.loads(json.dumps(FITS[name]["fit"]))
    for key, value in parts.items():
        place = (
            fit["parameters"]
            if key in ("pro", "mean", "Vinv", "variance")
            else fit["parameters"]["variance"]
        )
        place[key] = value
    return fit


@pytest.mark.parametrize(
    ("fit", "sentence"),
    [
        ({"call": "lm(y ~ x)"}, r"has no parameters\$pro: it is no fitted Mclust object"),
        ({"parameters": 3}, "a list was expected, got int"),
        (
            changed("faithful", pro=[0.64, 0.35]),
            "pro of .* sums to 0.99 and not to 1: write JSON with all digits",
        ),
        (changed("faithful", pro="half"), "pro of .* must be numbers"),
        (
            changed("faithful", mean=[[1, 2, 3], [1, 2, 3]]),
            "mean of .* must have a column for each of the 2",
        ),
        (changed("faithful", modelName="VVW"), "modelName of .* is none of mclust's: 'VVW'"),
        (changed("faithful", sigma=[[[1.0]]]), "sigma of .* is not of 2 components and 2 features"),
        (changed("faithful", modelName="EII"), "are not of the structure 'EII'"),
        (changed("faithful", modelName="VEE"), "'VEE' covariances must have equal shapes"),
        (
            changed("faithful", variance={"modelName": "VVV"}),
            "variance of .* has none of sigma, Sigma",
        ),
        (changed("faithful", Vinv=-1), "Vinv of .* must be above 0"),
    ],
)
def test_lists_that_are_no_mixture(fit, sentence):
    with pytest.raises(ValueError, match=sentence):
        from_mclust(fit)


def test_rounded_covariances_are_told():
    fit = changed("EVE")
    sigma = np.array(fit["parameters"]["variance"]["sigma"]).round(3)
    fit["parameters"]["variance"]["sigma"] = sigma.tolist()
    with pytest.raises(ValueError, match="'EVE' covariances must have"):
        from_mclust(fit)


def test_the_text_of_r(tmp_path):
    frame = pd.DataFrame(load_faithful().data, columns=["eruptions", 'wait"ing\\'])
    model = GaussianMixture(2, random_state=0).fit(frame)
    to_mclust(model, tmp_path / "a.R")
    text = (tmp_path / "a.R").read_text()
    assert text.startswith("# A Gaussian mixture for the package mclust")
    assert '"wait\\"ing\\\\"' in text
    assert repr(float(model.weights_[0])) in text
    assert re.search(r'class = "Mclust"\)\n$', text)


# In R itself

IN_R = """
suppressMessages(library(mclust)); library(jsonlite)
for (l in c(commandArgs(TRUE))) {
  fit <- dget(paste0(l, ".R")); bare <- dget(paste0(l, "-bare.R"))
  list <- fromJSON(paste0(l, ".json"))
  X <- as.matrix(read.csv(paste0(l, ".csv"))); if (ncol(X) == 1) X <- X[, 1]
  df <- nMclustParams(fit$modelName, fit$d, fit$G, noise = !is.na(fit$hypvol))
  stopifnot(inherits(fit, "Mclust"), fit$df == df)
  log_dens <- function(f) dens(X, f$modelName, f$parameters, logarithm = TRUE)
  shown <- capture.output(print(summary(fit, parameters = TRUE)), print(summary(bare)), print(fit))
  pdf(NULL)
  for (what in c("BIC", "classification", "uncertainty")) plot(fit, what = what)
  invisible(dev.off())
  if (is.na(fit$hypvol)) sim(fit$modelName, fit$parameters, 10, seed = 1)  # draws no noise of its own either
  said <- toJSON(list(z = predict(fit, newdata = X)$z, bare = predict(bare, newdata = X)$z,
    classification = predict(fit)$classification, log_density = log_dens(fit),
    of_list = log_dens(list), icl = icl(fit), shown = shown), digits = NA, auto_unbox = TRUE)
  write(said, paste0(l, "-said.json"))
}
"""


def has_mclust():
    if not shutil.which("Rscript"):
        return False
    code = "q(status = !all(sapply(c('mclust', 'jsonlite'), requireNamespace, quietly = TRUE)))"
    return subprocess.run(["Rscript", "-e", code], capture_output=True, timeout=120).returncode == 0


def cases():
    for n_components in (1, 2):
        for name in MODELS:
            yield f"{name}{n_components}", name, n_components, IRIS, False
        for name in ("E", "V"):
            yield f"{name}{n_components}", name, n_components, load_faithful().data[:, 1:], False
    noise = np.random.default_rng(0).uniform([0, 40], [6, 100], (40, 2))
    yield "noise", "VVV", 2, np.r_[load_faithful().data, noise], True


@pytest.mark.nightly
def test_mclusts_own_functions_read_what_is_written(tmp_path):
    if not has_mclust():
        pytest.skip("needs R with mclust and jsonlite (apt install r-cran-mclust r-cran-jsonlite)")
    models = {}
    for label, name, n_components, X, noise in cases():
        frame = pd.DataFrame(X, columns=[f"x {j}" for j in range(X.shape[1])])
        model = GaussianMixture(
            n_components, covariance_type=name, noise=noise, random_state=0
        ).fit(frame)
        to_mclust(model, tmp_path / f"{label}.R", frame)
        to_mclust(model, tmp_path / f"{label}-bare.R")
        to_mclust(model, tmp_path / f"{label}.json")
        frame.to_csv(tmp_path / f"{label}.csv", index=False)
        models[label] = model, frame
    (tmp_path / "in.R").write_text(IN_R)
    done = subprocess.run(
        ["Rscript", "in.R", *models], cwd=tmp_path, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stderr
    assert len(models) == 33
    for label, (model, frame) in models.items():
        said = json.loads((tmp_path / f"{label}-said.json").read_text())
        z = model.predict_proba(frame)
        for name in ("z", "bare"):
            assert_allclose(np.reshape(said[name], z.shape), z, rtol=0, atol=1e-10, err_msg=label)
        for name in ("log_density", "of_list"):
            assert_allclose(
                said[name], model.score_samples(frame), rtol=0, atol=1e-10, err_msg=label
            )
        assert_allclose(
            np.array(said["classification"]),
            np.where(model.predict(frame) < 0, 0, model.predict(frame) + 1),
        )
        assert said["icl"] == pytest.approx(
            -model.icl(frame) - np.log(len(frame)) * bool(model.noise), rel=1e-9
        )
        assert any("log-likelihood" in line for line in said["shown"])


@pytest.mark.nightly
def test_the_stored_fits_are_those_that_r_writes_today(tmp_path):
    if not has_mclust():
        pytest.skip("needs R with mclust and jsonlite (apt install r-cran-mclust r-cran-jsonlite)")
    script = Path(__file__).parents[1] / "data" / "export" / "mclust.R"
    subprocess.run(
        ["Rscript", script, "now.json"], cwd=tmp_path, check=True, capture_output=True, timeout=600
    )
    now = json.loads((tmp_path / "now.json").read_text())
    assert now.keys() == FITS.keys()
    for said in now.values():
        model = from_mclust(said["fit"])
        assert_allclose(model.score_samples(rows_of(said)), said["log_density"], rtol=0, atol=1e-9)
