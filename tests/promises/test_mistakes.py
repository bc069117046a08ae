# ruff: noqa: E501 -- each sentence on one line, as it is said
"""What typical mistakes bring: one sentence that is true, says where, and what to do.

A list to be read: each mistake, how it is made, and all that is said. Sentences of the contract with
scikit-learn, which its own tests look for, stand in its words.
"""

from __future__ import annotations

import contextlib
import shlex
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

import mixtura
from commands import call, process
from mixtura import GaussianMixture as GM
from mixtura import GaussianMixtureSearch as S
from mixtura import Mixture
from mixtura.plots import plot_mixture


def good(n_rows=40, n_features=3):
    return np.random.default_rng(0).normal(size=(n_rows, n_features))


def frame():
    return pd.DataFrame(good(), columns=["a", "b", "c"])


def spoilt(value):
    X = good()
    X[7, 2] = value
    return X


def fitted(X=None):
    return GM(2, random_state=0).fit(good() if X is None else X)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Files to make mistakes with."""
    made = tmp_path_factory.mktemp("mistakes")
    texts = {
        "two.csv": "a,b\n1,2\n3,4\n5,7\n",
        "one.csv": "a,b\n1,2\n",
        "names.csv": "a,b\n",
        "text.csv": "a,b\n1,x\n2,y\n",
        "missing.csv": "a,b\n1,2\n3,\n5,7\n",
        "weights.csv": "a,w\n1,1\n2,-2\n3,1\n",
        "zero.csv": "",
        "notes.txt2": "some text",
        "days/0.csv": "a,b\n1,2\n3,4\n5,7\n",
    }
    for name in ("empty", "days", "fitted"):
        (made / name).mkdir()
    for name, text in texts.items():
        (made / name).write_text(text)
    frame().to_csv(made / "three.csv", index=False)
    fitted(frame()).save(made / "model.safetensors")
    fitted(frame()).save(made / "fitted/model.safetensors")
    GM(2, random_state=0, checkpoint=made / "kept").fit(good())
    return made


# In Python: the mistake, how it is made, what is said.
PYTHON = [
    (
        "X is 1-D",
        lambda: GM(2).fit(good()[:, 0]),
        "Expected 2D array, got 1D array instead: X has shape (40,). Reshape your data with X.reshape(-1, 1) if it is one feature, or X.reshape(1, -1) if it is one row.",
    ),
    (
        "X is 3-D",
        lambda: GM(2).fit(good()[:, :, None]),
        "Found array with dim 3, while dim <= 2 is required by GaussianMixture.",
    ),
    (
        "X is a number",
        lambda: GM(2).fit(3.0),
        "Expected 2D array, got scalar array instead: X is 3.0. Give an array or a data frame of shape (n_rows, n_features).",
    ),
    (
        "X is None",
        lambda: GM(2).fit(None),
        "Expected 2D array, got scalar array instead: X is None. Give an array or a data frame of shape (n_rows, n_features).",
    ),
    (
        "X is the name of a file",
        lambda: GM(2).fit("rows.csv"),
        "X is text, 'rows.csv': give the rows, or where it is a file, mixtura.scan('rows.csv').",
    ),
    (
        "X forgotten",
        lambda: GM(2).fit(),
        "GaussianMixture.fit() missing 1 required positional argument: 'X'",
    ),
    (
        "strings",
        lambda: GM(2).fit([["1", "x"], ["2", "y"], ["3", "z"]]),
        "X must hold numbers, but column 1 has 'x' in row 0: could not convert string to float. Leave that column out or encode it.",
    ),
    (
        "a column of text in a frame",
        lambda: GM(2).fit(frame().assign(b="word")),
        "X must hold numbers, but column 'b' has 'word' in row 0: could not convert string to float. Leave that column out or encode it.",
    ),
    (
        "objects",
        lambda: GM(2).fit(np.array([[1, object()], [2, 3], [4, 5]], dtype=object)),
        "X must hold numbers, but column 1 has an object of type object in row 0: the argument must be a string or a real number. Leave that column out or convert it.",
    ),
    (
        "None in objects",
        lambda: GM(2).fit(np.array([[1, None], [2, 3], [4, 5]], dtype=object)),
        "Input X contains NaN: GaussianMixture found 1 value that is not finite, the first in column 1, row 0. Remove such rows, fill them in (sklearn.impute.SimpleImputer), or fit with missing='mar'.",
    ),
    (
        "dates",
        lambda: GM(2).fit(frame().assign(b=pd.Timestamp("2020-02-20"))),
        "X must hold numbers, but column 'b' has 2020-02-20T00:00:00.000000 in row 0, a date: leave that column out, or make it a number, such as seconds since the first: (column - column.min()).dt.total_seconds().",
    ),
    (
        "ragged rows",
        lambda: GM(2).fit([[1, 2], [3], [4, 5]]),
        "X must have rows of one length, but row 0 has 2 and row 1 has 1.",
    ),
    (
        "complex",
        lambda: GM(2).fit(good() + 1j),
        "Complex data not supported: X is complex128. Give its real part, or real and imaginary parts as two columns.",
    ),
    (
        "NaN",
        lambda: GM(2).fit(spoilt(np.nan)),
        "Input X contains NaN: GaussianMixture found 1 value that is not finite, the first in column 2, row 7. Remove such rows, fill them in (sklearn.impute.SimpleImputer), or fit with missing='mar'.",
    ),
    (
        "infinity",
        lambda: GM(2).fit(spoilt(np.inf)),
        "Input X contains infinity: GaussianMixture found 1 value that is not finite, the first in column 2, row 7. Remove such rows or put numbers in their place.",
    ),
    (
        "huge",
        lambda: GM(2).fit(good() * 1e200),
        "X cannot be fitted as it is: column 0 holds numbers as large as 2.33e+200, and their squares come too near the largest number of float64: divide it by 2e+200, or leave it out.",
    ),
    (
        "sparse",
        lambda: GM(2).fit(csr_array(good())),
        "Sparse data was passed for X, but dense data is required. Use '.toarray()' to convert to a dense numpy array.",
    ),
    (
        "no rows",
        lambda: GM(2).fit(np.empty((0, 3))),
        "Found array with 0 sample(s) (shape=(0, 3)) while a minimum of 2 is required by GaussianMixture.",
    ),
    (
        "no columns",
        lambda: GM(2).fit(np.empty((5, 0))),
        "Found array with 0 feature(s) (shape=(5, 0)) while a minimum of 1 is required by GaussianMixture.",
    ),
    (
        "one row",
        lambda: GM(1).fit(good(1)),
        "Found array with 1 sample(s) (shape=(1, 3)) while a minimum of 2 is required by GaussianMixture.",
    ),
    (
        "fewer rows than components",
        lambda: GM(5).fit(good(3)),
        "Expected n_samples >= n_components but got n_components = 5, n_samples = 3 (rows of weight 0 do not count).",
    ),
    (
        "rows transposed in predict",
        lambda: fitted().predict(good().T),
        "X has 40 features, but GaussianMixture is expecting 3 features as input.",
    ),
    (
        "K=0",
        lambda: GM(0).fit(good()),
        "The 'n_components' parameter of GaussianMixture must be an int in the range [1, inf). Got 0 instead.",
    ),
    (
        "K negative",
        lambda: GM(-3).fit(good()),
        "The 'n_components' parameter of GaussianMixture must be an int in the range [1, inf). Got -3 instead.",
    ),
    (
        "K='3'",
        lambda: GM("3").fit(good()),
        "The 'n_components' parameter of GaussianMixture must be an int in the range [1, inf). Got '3' instead.",
    ),
    (
        "K=2.0",
        lambda: GM(2.0).fit(good()),
        "The 'n_components' parameter of GaussianMixture must be an int in the range [1, inf). Got 2.0 instead.",
    ),
    (
        "K=None",
        lambda: GM(None).fit(good()),
        "The 'n_components' parameter of GaussianMixture must be an int in the range [1, inf). Got None instead.",
    ),
    (
        "X given to the constructor",
        lambda: GM(good()).fit(good()),
        "The 'n_components' parameter of GaussianMixture must be an int in the range [1, inf). Got ndarray of shape (40, 3) instead: rows are given to fit, as in fit(X).",
    ),
    (
        "covariance misspelt",
        lambda: GM(2, covariance_type="ful").fit(good()),
        "The 'covariance_type' parameter of GaussianMixture must be a str among {'E', 'EEE', 'EEI', 'EEV', 'EII', 'EVE', 'EVI', 'EVV', 'V', 'VEE', 'VEI', 'VEV', 'VII', 'VVE', 'VVI', 'VVV', 'diag', 'full', 'spherical', 'tied'}. Got 'ful' instead. Did you mean 'full'?",
    ),
    (
        "covariance None",
        lambda: GM(2, covariance_type=None).fit(good()),
        "The 'covariance_type' parameter of GaussianMixture must be a str among {'E', 'EEE', 'EEI', 'EEV', 'EII', 'EVE', 'EVI', 'EVV', 'V', 'VEE', 'VEI', 'VEV', 'VII', 'VVE', 'VVI', 'VVV', 'diag', 'full', 'spherical', 'tied'}. Got None instead.",
    ),
    (
        "covariance of one feature",
        lambda: GM(2, covariance_type="V").fit(good()),
        "covariance_type='V' is for one feature, but there are 3: its name for several is 'VII'.",
    ),
    (
        "unknown keyword",
        lambda: GM(2, covariance="full"),
        "GaussianMixture has no argument 'covariance'. Did you mean 'covariance_type'?",
    ),
    (
        "reg_covar negative",
        lambda: GM(2, reg_covar=-1e-6).fit(good()),
        "The 'reg_covar' parameter of GaussianMixture must be a float in the range [0.0, inf) or a str among {'auto'}. Got -1e-06 instead.",
    ),
    (
        "reg_covar text",
        lambda: GM(2, reg_covar="1e-6").fit(good()),
        "The 'reg_covar' parameter of GaussianMixture must be a float in the range [0.0, inf) or a str among {'auto'}. Got '1e-6' instead.",
    ),
    (
        "reg_covar NaN",
        lambda: GM(2, reg_covar=np.nan).fit(good()),
        "The 'reg_covar' parameter of GaussianMixture must be a float in the range [0.0, inf) or a str among {'auto'}. Got nan instead.",
    ),
    (
        "tol negative",
        lambda: GM(2, tol=-1).fit(good()),
        "The 'tol' parameter of GaussianMixture must be a float in the range [0.0, inf). Got -1 instead.",
    ),
    (
        "max_iter text",
        lambda: GM(2, max_iter="100").fit(good()),
        "The 'max_iter' parameter of GaussianMixture must be an int in the range [0, inf). Got '100' instead.",
    ),
    (
        "n_init 0",
        lambda: GM(2, n_init=0).fit(good()),
        "The 'n_init' parameter of GaussianMixture must be an int in the range [1, inf). Got 0 instead.",
    ),
    (
        "init_params misspelt",
        lambda: GM(2, init_params="kmean").fit(good()),
        "The 'init_params' parameter of GaussianMixture must be a str among {'auto', 'k-means++', 'kmeans', 'random', 'random_from_data'}, an array-like or a callable. Got 'kmean' instead. Did you mean 'kmeans'?",
    ),
    (
        "random_state text",
        lambda: GM(2, random_state="0").fit(good()),
        "The 'random_state' parameter of GaussianMixture must be an int in the range [0, 4294967295], an instance of 'numpy.random.mtrand.RandomState' or None. Got '0' instead.",
    ),
    (
        "n_jobs 0",
        lambda: GM(2, n_jobs=0).fit(good()),
        "n_jobs must not be 0: None or -1 mean all cores, 1 means one thread.",
    ),
    (
        "means_init shape",
        lambda: GM(2, means_init=np.ones((3, 3))).fit(good()),
        "means_init has the wrong shape. The parameter 'means' should have the shape of (2, 3), but got (3, 3)",
    ),
    (
        "means_init 1-D",
        lambda: GM(2, means_init=np.ones(3)).fit(good()),
        "means_init has the wrong shape. The parameter 'means' should have the shape of (2, 3), but got (3,)",
    ),
    (
        "means_init NaN",
        lambda: GM(2, means_init=[[np.nan, 0, 0], [1, 1, 1]]).fit(good()),
        "means_init holds NaN and numbers for component 0: give all of them, or NaN for all.",
    ),
    (
        "means_init text",
        lambda: GM(2, means_init=[["a"] * 3] * 2).fit(good()),
        "means_init must be an array of real numbers: could not convert string to float: 'a'.",
    ),
    (
        "means_init ragged",
        lambda: GM(2, means_init=[[1, 2, 3], [1]]).fit(good()),
        "means_init must be an array of real numbers: its rows differ in length.",
    ),
    (
        "weights_init sum",
        lambda: GM(2, weights_init=[0.5, 0.4]).fit(good()),
        "The parameter 'weights' should be normalized, but got sum(weights) = 0.90000",
    ),
    (
        "weights_init negative",
        lambda: GM(2, weights_init=[-0.5, 1.5]).fit(good()),
        "The parameter 'weights' should be in the range [0, 1], but got max value -0.50000, min value 1.50000",
    ),
    (
        "weights_init length",
        lambda: GM(2, weights_init=[1.0]).fit(good()),
        "weights_init has the wrong shape. The parameter 'weights' should have the shape of (2,), but got (1,)",
    ),
    (
        "precisions_init not pd",
        lambda: GM(2, precisions_init=[np.eye(3), -np.eye(3)]).fit(good()),
        "'full precision' should be symmetric, positive-definite",
    ),
    (
        "precisions_init shape",
        lambda: GM(2, precisions_init=np.eye(3)).fit(good()),
        "precisions_init has the wrong shape. The parameter 'full precision' should have the shape of (2, 3, 3), but got (3, 3)",
    ),
    (
        "labels as a start too few",
        lambda: GM(2, init_params=np.zeros(39, int)).fit(good()),
        "init_params as an array must hold labels, shape (40,), or responsibilities, shape (40, 2); got shape (39,).",
    ),
    (
        "sample_weight negative",
        lambda: GM(2).fit(good(), sample_weight=np.r_[-1, np.ones(39)]),
        "sample_weight must not be negative, but row 0 has -1: give 0 to leave a row out. (Negative values in data passed as weights.)",
    ),
    (
        "sample_weight length",
        lambda: GM(2).fit(good(), sample_weight=np.ones(39)),
        "sample_weight must have one weight for each of the 40 rows of X, got shape (39,).",
    ),
    (
        "sample_weight zeros",
        lambda: GM(2).fit(good(), sample_weight=np.zeros(40)),
        "sample_weight must not be zero for every row: no row is left to fit.",
    ),
    (
        "sample_weight text",
        lambda: GM(2).fit(good(), sample_weight=["a"] * 40),
        "sample_weight must be an array of real numbers: could not convert string to float: 'a'",
    ),
    (
        "predict before fit",
        lambda: GM(2).predict(good()),
        "This GaussianMixture instance is not fitted yet. Call 'fit' with appropriate arguments before using this estimator.",
    ),
    (
        "score before fit",
        lambda: GM(2).score(good()),
        "This GaussianMixture instance is not fitted yet. Call 'fit' with appropriate arguments before using this estimator.",
    ),
    (
        "sample before fit",
        lambda: GM(2).sample(3),
        "This GaussianMixture instance is not fitted yet. Call 'fit' with appropriate arguments before using this estimator.",
    ),
    (
        "summary before fit",
        lambda: GM(2).summary(),
        "This GaussianMixture instance is not fitted yet. Call 'fit' with appropriate arguments before using this estimator.",
    ),
    (
        "save before fit",
        lambda: GM(2).save("x.safetensors"),
        "This GaussianMixture instance is not fitted yet. Call 'fit' with appropriate arguments before using this estimator.",
    ),
    (
        "search predict before fit",
        lambda: S().predict(good()),
        "This GaussianMixtureSearch instance is not fitted yet. Call 'fit' with appropriate arguments before using this estimator.",
    ),
    (
        "search top before fit",
        lambda: S().top(),
        "This GaussianMixtureSearch instance is not fitted yet. Call 'fit' with appropriate arguments before using this estimator.",
    ),
    (
        "predict narrower",
        lambda: fitted().predict(good(5, 2)),
        "X has 2 features, but GaussianMixture is expecting 3 features as input.",
    ),
    (
        "predict 1-D",
        lambda: fitted().predict(good()[0]),
        "Expected 2D array, got 1D array instead: X has shape (3,). Reshape your data with X.reshape(-1, 1) if it is one feature, or X.reshape(1, -1) if it is one row.",
    ),
    (
        "predict NaN",
        lambda: fitted().predict(spoilt(np.nan)),
        "Input X contains NaN: GaussianMixture found 1 value that is not finite, the first in column 2, row 7. Remove such rows, fill them in (sklearn.impute.SimpleImputer), or fit with missing='mar'.",
    ),
    (
        "predict other names",
        lambda: fitted(frame()).predict(frame().rename(columns={"b": "B"})),
        "The feature names should match those that were passed during fit.\nFeature names unseen at fit time:\n- B\nFeature names seen at fit time, yet now missing:\n- b\n",
    ),
    (
        "predict names in other order",
        lambda: fitted(frame()).predict(frame()[["b", "a", "c"]]),
        "The feature names should match those that were passed during fit.\nFeature names must be in the same order as they were in fit.\n",
    ),
    (
        "predict missing name",
        lambda: fitted(frame()).predict(frame()[["a", "b"]]),
        "The feature names should match those that were passed during fit.\nFeature names seen at fit time, yet now missing:\n- c\n",
    ),
    (
        "sample 0",
        lambda: fitted().sample(0),
        "Invalid value for 'n_samples': 0. The sampling requires at least one sample.",
    ),
    (
        "sample 2.5",
        lambda: fitted().sample(2.5),
        "n_samples must be a whole number of at least 1, got 2.5.",
    ),
    (
        "load missing",
        lambda: mixtura.load("none.safetensors"),
        "cannot load none.safetensors: it does not exist.",
    ),
    (
        "load folder",
        lambda: mixtura.load("."),
        "cannot load .: it is a folder, not a model file.",
    ),
    (
        "save in no folder",
        lambda: fitted().save("none/m.safetensors"),
        "cannot write none/m.safetensors: the folder none does not exist",
    ),
    (
        "save onto folder",
        lambda: fitted().save("."),
        "cannot write .: it is a folder; name a file in it",
    ),
    (
        "scan memory",
        lambda: mixtura.scan("two.csv", max_memory="much"),
        "max_memory must be a number of bytes or a text such as '200MB' or '1.5GiB', got 'much'.",
    ),
    (
        "weights beside a source",
        lambda: GM(1).fit(mixtura.scan("two.csv"), sample_weight=np.ones(3)),
        "sample_weight belongs to an array; a source has its own: mixtura.scan(path, weight='column'), or pairs of rows and weights in mixtura.from_batches.",
    ),
    (
        "search range",
        lambda: S([0, 1]).fit(good()),
        "n_components must hold whole numbers of at least 1, but 0 is among them.",
    ),
    (
        "search components text",
        lambda: S("1:9").fit(good()),
        "n_components must hold whole numbers of at least 1, but '1' is among them.",
    ),
    (
        "search empty",
        lambda: S([]).fit(good()),
        "n_components is empty: give at least one number of components, such as range(1, 10).",
    ),
    (
        "search criterion",
        lambda: S([1], criterion="BIC").fit(good()),
        "criterion must be one of 'bic', 'aic', 'icl', got 'BIC'. Did you mean 'bic'?",
    ),
    (
        "search covariance",
        lambda: S([1], "VVW").fit(good()),
        "covariance_type must be 'all' or hold names of ['full', 'tied', 'diag', 'spherical', 'EII', 'VII', 'EEI', 'VEI', 'EVI', 'VVI', 'EEE', 'VEE', 'EVE', 'VVE', 'EEV', 'VEV', 'EVV', 'VVV'], but 'VVW' is among them. Did you mean 'VVV'?",
    ),
    (
        "search cell",
        lambda: S([1], ["VVV"], random_state=0).fit(good()).estimator(9, "VVV"),
        "The search has no cell 9, 'VVV': choose one of results_.",
    ),
    (
        "resume without checkpoint",
        lambda: GM(2, resume=True).fit(good()),
        "resume=True goes on from a file: name it with checkpoint=.",
    ),
    (
        "resume path",
        lambda: S([1], resume="sweep").fit(good()),
        "resume must be True or False, got 'sweep': name the file with checkpoint=.",
    ),
    (
        "checkpoint no folder",
        lambda: GM(2, checkpoint="none/fit").fit(good()),
        "cannot write none/fit: the folder none does not exist",
    ),
    (
        "mixture weights",
        lambda: Mixture.from_parameters([0.5, 0.4], [[0.0], [1.0]], [[[1.0]], [[1.0]]]),
        "weights must sum to 1, but their sum is 0.9.",
    ),
    (
        "mixture covariance shape",
        lambda: Mixture.from_parameters([1.0], [[0.0, 1.0]], [[1.0, 1.0]]),
        "'full' covariances must have shape (1, 2, 2), got (1, 2).",
    ),
    (
        "mixture covariance not pd",
        lambda: Mixture.from_parameters([1.0], [[0.0, 1.0]], [[[1.0, 2.0], [2.0, 1.0]]]),
        "The covariance of component 0 is not positive definite.",
    ),
    (
        "marginal",
        lambda: fitted().mixture_.marginal(3),
        "feature 3 is out of range: there are 3.",
    ),
    (
        "marginal mask",
        lambda: fitted().mixture_.marginal([True, False, True]),
        "features must be numbers of columns, got a mask of True and False: give np.flatnonzero(mask).",
    ),
    (
        "condition all",
        lambda: fitted().mixture_.condition([0, 1, 2], [0, 0, 0]),
        "condition needs at least one feature left free, but all are given.",
    ),
    (
        "condition length",
        lambda: fitted().mixture_.condition([0, 1], [0]),
        "values must have shape (2,), got (1,).",
    ),
    (
        "warm start other K",
        lambda: GM(2, warm_start=True).fit(good()).set_params(n_components=3).fit(good()),
        "warm_start=True goes on from a fit with n_components=2, but n_components is now 3: set it back, or fit with warm_start=False.",
    ),
    (
        "set_params",
        lambda: GM(2).set_params(covariance="full"),
        "Invalid parameter 'covariance' for estimator GaussianMixture(n_components=2). Valid parameters are: ['accelerate', 'callback', 'checkpoint', 'checkpoint_interval', 'covariance_type', 'covariances_init', 'df', 'distribution', 'equal_weights', 'fixed', 'init_params', 'max_eigenvalue_ratio', 'max_iter', 'max_time', 'means_init', 'min_component_rows', 'min_weight', 'missing', 'n_components', 'n_init', 'n_jobs', 'noise', 'noise_volume', 'precisions_init', 'prior', 'random_state', 'reg_covar', 'resume', 'sort_components', 'tol', 'verbose', 'verbose_interval', 'warm_start', 'weights_init'].",
    ),
    (
        "min_component_rows negative",
        lambda: GM(2, min_component_rows=-1).fit(good()),
        "The 'min_component_rows' parameter of GaussianMixture must be a float in the range [0.0, inf). Got -1 instead.",
    ),
    (
        "max_parameters",
        lambda: S([1], max_parameters=0).fit(good()),
        "max_parameters must be a whole number of at least 1, or None, got 0.",
    ),
    (
        "max_parameters too few",
        lambda: S([1], max_parameters=1).fit(good()),
        "No model can be fitted: 4 parameters, more than max_parameters=1.",
    ),
    (
        "list of list shapes",
        lambda: GM(2).fit([good(), good()]),
        "Found array with dim 3, while dim <= 2 is required by GaussianMixture.",
    ),
    (
        "a dict",
        lambda: GM(2).fit({"a": [1, 2, 3], "b": [1, 2, 3]}),
        "X is a dict: give a data frame, such as pandas.DataFrame(X), or an array.",
    ),
    (
        "a tuple (X, y)",
        lambda: GM(2).fit((good(), np.ones(40))),
        "X must have rows of one length, but row 0 has 120 and row 1 has 40.",
    ),
    (
        "partial_fit step",
        lambda: fitted().partial_fit(good(), step_size=2),
        "step_size must be a number above 0 and at most 1, or a function that returns one, got 2.",
    ),
    (
        "plot unfitted",
        lambda: plot_mixture(GM(2), good()),
        "This GaussianMixture instance is not fitted yet. Call 'fit' with appropriate arguments before using this estimator.",
    ),
    (
        "scan missing",
        lambda: mixtura.scan("none.parquet"),
        "there is no file none.parquet.",
    ),
    (
        "scan an empty folder",
        lambda: mixtura.scan("empty"),
        "there is no file in the folder empty.",
    ),
    (
        "load data",
        lambda: mixtura.load("two.csv"),
        "cannot load two.csv: it is truncated, damaged or not a safetensors file (Error while deserializing header: header too large).",
    ),
]

# In a shell: the mistake, the command, its exit status, what is said.
SHELL = [
    ("fit without a file", "fit", 2, "missing argument 'FILE'; see mixtura fit --help"),
    ("no such file", "fit two.cvs", 1, "there is no file two.cvs. Did you mean 'two.csv'?"),
    ("a folder without files", "fit empty", 1, "there is no file in the folder empty"),
    ("a pattern that finds nothing", "fit 'days/*.parquet'", 1, "there is no file days/*.parquet"),
    (
        "an empty file",
        "fit zero.csv",
        1,
        "zero.csv is empty; it needs a line of column names, then the rows",
    ),
    ("names and no rows", "fit names.csv", 1, "names.csv has column names but no rows"),
    (
        "a file of one row",
        "fit one.csv -k 1",
        1,
        "one.csv has 1 row, but a fit needs at least 2; give more rows",
    ),
    (
        "text in a column",
        "fit text.csv",
        1,
        "text.csv, line 2: column 'b', data row 1, holds 'x', not a number; correct it, or choose the columns of numbers with --columns a",
    ),
    (
        "a missing value",
        "fit missing.csv -k 1",
        1,
        "missing.csv, line 3: the value in column 'b', data row 2, is missing; leave such rows out with --drop-missing, fit what is observed with --missing mar, fill or remove such rows first, or choose other columns with --columns",
    ),
    (
        "more components than rows",
        "fit two.csv -k 9",
        1,
        "two.csv has 3 rows, fewer than the 9 components; give more rows or a smaller -k",
    ),
    (
        "a negative weight",
        "fit weights.csv -k 1 --weight w",
        1,
        "weights.csv, line 3: column 'w', data row 2, holds the weight -2; weights are zero or more",
    ),
    (
        "a suffix that is none of data",
        "fit notes.txt2",
        1,
        "notes.txt2 must end in .parquet, .pq, .arrow, .feather, .ipc, .csv, .tsv, .txt, .csv.gz, .tsv.gz, .txt.gz, .npy",
    ),
    (
        "a model in place of data",
        "fit model.safetensors",
        1,
        "model.safetensors holds a model, not data; give files of rows (mixtura show tells of a model)",
    ),
    (
        "a model in place of data of a selection",
        "select model.safetensors",
        1,
        "model.safetensors holds a model, not data; give files of rows (mixtura show tells of a model)",
    ),
    (
        "the checkpoint of a fit in place of data",
        "fit kept",
        1,
        "kept holds the state of a fit or a sweep, not data; give files of rows (mixtura show tells of a model)",
    ),
    ("K = 0", "fit two.csv -k 0", 2, "-k is '0', but must be a whole number of at least 1"),
    (
        "K in words",
        "fit two.csv -k three",
        2,
        "-k is 'three', but must be a whole number of at least 1",
    ),
    (
        "K without a value",
        "fit two.csv -k",
        2,
        "option '-k' requires an argument; see mixtura fit --help",
    ),
    ("K as a second argument", "fit two.csv 3", 1, "there is no file 3"),
    (
        "--covariance misspelt",
        "fit two.csv --covariance sphercal",
        2,
        "unknown covariance 'sphercal'. Did you mean 'spherical'?",
    ),
    (
        "several covariances",
        "fit two.csv --covariance tied,full",
        2,
        "--covariance is 'tied,full', but a fit has one; mixtura select compares several",
    ),
    (
        "--covariance of one feature",
        "fit three.csv --covariance V",
        1,
        "cannot fit three.csv: --covariance 'V' is for one feature, but there are 3: its name for several is 'VII'",
    ),
    (
        "a column that is not there",
        "fit two.csv --columns a,c",
        1,
        "two.csv has no column 'c'. Choose from a, b.",
    ),
    (
        "spaces for commas",
        "fit two.csv --columns 'a b'",
        1,
        "two.csv has no column 'a b'. Did you mean 'b'?",
    ),
    ("a column twice", "fit two.csv --columns a,a", 2, "--columns names 'a' twice"),
    (
        "no weight of that name",
        "fit two.csv --weight z",
        1,
        "two.csv has no column 'z'. Choose from a, b.",
    ),
    (
        "the weight among the features",
        "fit two.csv --weight a --columns a",
        2,
        "--weight a is among --columns, too; a weight is no feature",
    ),
    (
        "an unknown start",
        "fit two.csv --init best",
        2,
        "--init is 'best'. Choose from auto, kmeans, k-means++, random, random_from_data.",
    ),
    (
        "reg-covar in words",
        "fit two.csv --reg-covar small",
        2,
        "--reg-covar is 'small', but must be auto, or a number of at least 0",
    ),
    (
        "negative reg-covar",
        "fit two.csv --reg-covar -1",
        2,
        "--reg-covar is '-1', but must be auto, or a number of at least 0",
    ),
    (
        "negative tol",
        "fit two.csv --tol -1",
        2,
        "--tol is '-1', but must be a number of at least 0",
    ),
    (
        "no iteration",
        "fit two.csv --max-iter 0",
        2,
        "--max-iter is '0', but must be a whole number of at least 1",
    ),
    (
        "no start",
        "fit two.csv --n-init 0",
        2,
        "--n-init is '0', but must be a whole number of at least 1",
    ),
    (
        "negative seed",
        "fit two.csv --seed -1",
        2,
        "--seed is '-1', but must be a whole number from 0 to 4294967295",
    ),
    (
        "no thread",
        "fit two.csv --jobs 0",
        2,
        "--jobs is 0, but a fit needs at least one thread; -1 means all cores",
    ),
    (
        "negative least rows",
        "fit two.csv --min-component-rows -1",
        2,
        "--min-component-rows is '-1', but must be a number of at least 0",
    ),
    (
        "least rows in words",
        "fit two.csv --min-component-rows many",
        2,
        "--min-component-rows is 'many', but must be a number of at least 0",
    ),
    (
        "memory in words",
        "fit two.csv --max-memory lots",
        2,
        "--max-memory is 'lots'; write it like 200MB or 1.5GiB",
    ),
    (
        "a table of Excel",
        "fit two.csv --format xlsx",
        2,
        "--format is 'xlsx'. Choose from parquet, csv.",
    ),
    (
        "an option misspelt",
        "fit two.csv --quite",
        2,
        "no such option: --quite (Possible options: --init, --quiet); see mixtura fit --help",
    ),
    (
        "an option of another command",
        "fit two.csv --top 3",
        2,
        "no such option: --top (Possible options: --output, --tol); see mixtura fit --help",
    ),
    ("a command misspelt", "fti two.csv", 2, "no such command 'fti'. Did you mean 'fit'?"),
    (
        "resume without a checkpoint",
        "fit two.csv --resume",
        2,
        "--resume goes on from a file; name it with --checkpoint",
    ),
    (
        "resume with a file, in select",
        "select two.csv --resume kept",
        2,
        "--resume goes on from a file; name it with --checkpoint",
    ),
    (
        "a checkpoint in no folder",
        "fit two.csv --checkpoint none/kept",
        1,
        "cannot write none/kept: the folder none does not exist",
    ),
    (
        "a folder as the checkpoint",
        "select two.csv --checkpoint days",
        1,
        "cannot write days: it is a folder; name a file in it",
    ),
    (
        "a sweep that goes on from a fit",
        "select three.csv -k 1 --checkpoint kept --resume",
        1,
        "cannot fit three.csv: cannot resume from kept: it is not the file of a sweep that this mixtura wrote",
    ),
    (
        "a fit that goes on from other rows",
        "fit two.csv -k 2 --checkpoint kept --resume",
        1,
        "cannot fit two.csv: --checkpoint 'kept' holds a fit of other rows or weights: give the data that it began with, another file, or leave out --resume",
    ),
    (
        "a file as the output folder",
        "fit two.csv -o one.csv",
        1,
        "one.csv is a file; -o needs a folder",
    ),
    (
        "the output among the data",
        "fit days -o days/out",
        1,
        "days/out lies in the folder days, whose files are read; choose another with -o, or give a pattern such as 'days/*.parquet'",
    ),
    (
        "numbers that descend",
        "select two.csv -k 9:1",
        2,
        "-k is '9:1', but numbers of components begin at 1 and ascend",
    ),
    ("a range with a dash", "select two.csv -k 1-9", 2, "-k is '1-9'; write it like 1:9, or 1,2,5"),
    (
        "no parameters",
        "select two.csv --max-parameters 0",
        2,
        "--max-parameters is '0', but must be a whole number of at least 1",
    ),
    (
        "parameters in words",
        "select two.csv --max-parameters few",
        2,
        "--max-parameters is 'few', but must be a whole number of at least 1",
    ),
    (
        "too few parameters for any model",
        "select two.csv --max-parameters 1",
        1,
        "cannot fit two.csv: No model can be fitted: 3 parameters, more than --max-parameters 1",
    ),
    (
        "a criterion in capitals",
        "select two.csv --criterion BIC",
        2,
        "unknown criterion 'BIC'. Did you mean 'bic'?",
    ),
    (
        "a sign misspelt",
        "select two.csv --sign R",
        2,
        "--sign is 'R'. Choose from sklearn, mclust.",
    ),
    (
        "time in words",
        "select two.csv --max-time soon",
        2,
        "--max-time is 'soon', but must be a number of at least 0",
    ),
    (
        "predict without data",
        "predict model.safetensors",
        2,
        "missing argument 'FILE'; see mixtura predict --help",
    ),
    (
        "swapped arguments",
        "predict three.csv model.safetensors",
        2,
        "model.safetensors is a model and three.csv is not, but the model comes first: mixtura predict model.safetensors three.csv",
    ),
    (
        "data in place of a model",
        "predict three.csv three.csv",
        1,
        "cannot load three.csv: it is a data file; give a model file, as mixtura fit writes it",
    ),
    (
        "data in place of a model to show",
        "show three.csv",
        1,
        "cannot load three.csv: it is a data file; give a model file, as mixtura fit writes it",
    ),
    (
        "data in place of a model to sample from",
        "sample three.csv",
        1,
        "cannot load three.csv: it is a data file; give a model file, as mixtura fit writes it",
    ),
    (
        "a folder in place of a model",
        "show fitted",
        1,
        "cannot load fitted: it is a folder; give fitted/model.safetensors",
    ),
    (
        "a folder without a model",
        "show days",
        1,
        "cannot load days: it is a folder; give a model file, as mixtura fit writes it",
    ),
    (
        "a checkpoint in place of a model",
        "show kept",
        1,
        "cannot load kept: it holds the state of a fit or a sweep, not a model; give a model file, as mixtura fit writes it",
    ),
    (
        "no such model",
        "show none.safetensors",
        1,
        "cannot load none.safetensors: it does not exist; give a model file, as mixtura fit writes it",
    ),
    (
        "other columns than were fitted",
        "predict model.safetensors two.csv",
        1,
        "two.csv has no column 'c'. Choose from a, b.",
    ),
    (
        "fewer columns than were fitted",
        "predict model.safetensors two.csv --columns a,b",
        1,
        "the model has 3 features and two.csv gives 2; choose as many columns with --columns",
    ),
    (
        "a column to keep that is not there",
        "predict model.safetensors three.csv --keep id",
        1,
        "three.csv has no column 'id'. Choose from a, b, c.",
    ),
    (
        "a column to keep that is written",
        "predict model.safetensors three.csv --keep label",
        2,
        "--keep holds 'label', which is the name of a column that is written",
    ),
    (
        "a table without a suffix",
        "predict model.safetensors three.csv -o labels",
        1,
        "labels must end in .csv or .parquet",
    ),
    (
        "a table in no folder",
        "predict model.safetensors three.csv -o none/labels.csv",
        1,
        "cannot write none/labels.csv: the folder none does not exist",
    ),
    (
        "a table over the data",
        "predict model.safetensors three.csv -o three.csv",
        1,
        "three.csv is read, and would be replaced; choose another place with -o",
    ),
    (
        "no rows to draw",
        "sample model.safetensors -n 0",
        2,
        "-n is '0', but must be a whole number of at least 1",
    ),
    (
        "a table of text to draw into",
        "sample model.safetensors -o rows.txt",
        1,
        "rows.txt must end in .csv or .parquet",
    ),
    (
        "two models to show",
        "show model.safetensors kept",
        2,
        "got unexpected extra argument(s) (kept); see mixtura show --help",
    ),
    (
        "a file for the figures of the demonstration",
        "demo -o one.csv",
        1,
        "one.csv is a file; -o needs a folder",
    ),
]

# Those of scikit-learn's that have several lines: programs look for them.
IN_LINES = {"predict other names", "predict names in other order", "predict missing name"}

# What belongs to a library below, and to no user.
FOREIGN = ("Traceback", "pyarrow", "Arrow", "typer", "click", "0x", "array([")

# A process takes two seconds to import what a call has: a few of each kind.
AS_PROCESSES = {"no such file", "a checkpoint in place of a model", "a command misspelt"}


def assert_clear(sentence):
    assert sentence == sentence.strip()
    assert "\n" not in sentence
    # scikit-learn lists every parameter there is.
    assert len(sentence.partition("Valid parameters are: ")[0]) < 450
    assert not [word for word in FOREIGN if word in sentence]


def test_there_are_many_and_each_is_named_once():
    names = [row[0] for row in (*PYTHON, *SHELL)]
    assert len(names) == len(set(names)) > 150


@pytest.mark.parametrize(("mistake", "make", "sentence"), PYTHON, ids=[row[0] for row in PYTHON])
def test_a_mistake_in_python(mistake, make, sentence, folder):
    with contextlib.chdir(folder), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises((ValueError, TypeError, OSError, AttributeError)) as caught:
            make()
    assert str(caught.value) == sentence
    if mistake not in IN_LINES:
        assert_clear(sentence)


@pytest.mark.parametrize(
    ("mistake", "line", "code", "sentence"), SHELL, ids=[row[0] for row in SHELL]
)
def test_a_mistake_in_a_shell(mistake, line, code, sentence, folder):
    before = sorted(folder.rglob("*"))
    run = process if mistake in AS_PROCESSES else call
    done = run(*shlex.split(line), cwd=folder)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr == f"mixtura: error: {sentence}\n"
    assert_clear(sentence)
    assert sorted(folder.rglob("*")) == before  # and nothing is half done
