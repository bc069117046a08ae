"""The core called with wrong sizes, types and values: it raises, whatever comes, and the process lives.

The calls are made in a process of their own, `python tests/em/test_core_calls.py SEED COUNT`.
"""

import faulthandler
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from mixtura import _core

HANGS_AFTER = 60.0

K, D, N = 2, 3, 12
MODELS = ["EII", "VEI", "EEE", "EVE", "VEV", "VVV"]
MOMENTS = {
    _core.Structure.full: (K, D, D),
    _core.Structure.tied: (D, D),
    _core.Structure.diag: (K, D),
    _core.Structure.spherical: (K,),
}
OF_LETTER = {"EII": "spherical", "VEI": "diag", "EEE": "tied"}

WRONG = [
    *(None, "text", -3, 0, 1, 2**31, 2**62, 2**70, np.nan, np.inf, [], [1.0], (1.0, 2.0), {}),
    *(np.zeros(()), np.zeros(0), np.zeros((0, D)), np.zeros((K, 0)), np.zeros((2, 2, 2, 2))),
    *(
        np.ones(N),
        np.ones((N, D)),
        np.ones((N, D), np.float32),
        np.ones((D, D)),
        np.ones((K, D), "O"),
    ),
    *(np.ones((1, 1)), np.ones((1, D)), np.ones((N, 2 * D))[:, ::2], np.ones((1 << 16, 1))),
    *(_core.Structure.full, _core.Model.VVV, lambda *_: (), lambda *_: np.zeros(2)),
]


def structure_of(model):
    return getattr(_core.Structure, OF_LETTER.get(model, "full"))


def identity(structure):
    like = np.zeros(MOMENTS[structure])
    return like + (np.eye(D) if like.shape[-2:] == (D, D) else 1.0)


def conjugate(model, letters, reg):
    """The M-step of variational Bayes, of models that have one."""
    shapes = {"VVV": (D, D), "EEE": (D, D), "VVI": (D,), "EEI": (D,), "VII": (1,), "EII": (1,)}
    if model not in shapes:
        return {}
    scatter = np.eye(D) if shapes[model] == (D, D) else np.ones(shapes[model])
    counts = ([0.5], [1.0], np.zeros(D), [1.0], [D + 1.0], np.ravel(scatter))
    return {"Variational": (letters, reg, True, False, tuple(map(np.array, counts)))}


def is_matrix(structure):
    return structure in (_core.Structure.full, _core.Structure.tied)


# What `evaluate` takes by name, in the order of the calls below.
_OUT = ("log_density", "responsibilities", "labels", "log_joint", "gradient", "hessian")


def call(name, arguments):
    named = {}
    if name == "evaluate":
        arguments, named = arguments[:3], dict(zip(_OUT, arguments[3:], strict=False))
    return getattr(_core, name.split()[0])(*arguments, **named)


def calls(model, real):
    """Every function and class of the core with arguments that fit, fresh ones."""
    rng = np.random.RandomState(0)
    structure = structure_of(model)
    letters = getattr(_core.Model, model)
    X = rng.normal(size=(N, D)).astype(real)
    weight = rng.uniform(0.5, 1.5, N)
    weights, means = np.full(K, 1 / K), X[:K].astype(float)
    covariances, factors = identity(structure), identity(structure)
    mixture = _core.Mixture(structure, weights, means, covariances, factors)
    layout = _core.SumLayout(structure, K, D)
    block = np.ones(layout.size)
    given = rng.dirichlet(np.ones(K), N)
    total = float(N), np.zeros(D), np.eye(D) * N
    reg = np.full(D, 1e-6)
    m_step = _core.MaximumLikelihood(letters, reg)
    n_own = 1 if structure == _core.Structure.tied else K
    some_covariances = identity(structure)
    prior = np.ones(K), np.zeros((K, D)), np.ones(K), np.ones(n_own), some_covariances
    fixed = np.full(K, np.nan), np.zeros((K, D)), some_covariances
    known = _core.Knowledge(letters, K, D, prior, fixed, (False, 0.1, 5.0, np.ones(D)))
    expectation = _core.Expectation(False, True, total)
    some = _core.Rows(X, weight)
    rows = _core.MemoryRows([some])
    streamed = _core.StreamRows(lambda: iter([some, _core.Rows(X[:5])]), real == np.float32)
    called = _core.CalledRows(lambda *_: np.ones(layout.size), False)
    bringing = _core.MemoryRows([_core.Rows(X, weight, given)])
    searched = _core.SearchRows(X, X.astype(float), weight, total, 1.0, 0.0)
    doubles = X.astype(float)
    acceleration = _core.Acceleration(structure, K, D)
    monitor = _core.Monitor(1e-3, 5, True)
    rest = _core.LoopOptions(1e9, _core.Stop(), lambda *_: "", 0, 1), 1
    single, labels = np.empty(N, real), np.empty(N, np.int64)
    task = _core.Task(rows, m_step, expectation)
    problem = _core.SearchProblem(searched, m_step, K, reg, 7, 1e9)
    alone = _core.MemoryRows([_core.Rows(X, weight, np.ones((N, 1)))])
    asked = letters, K, 1e-3, 5, True, None, 36, 0.0, (1e-140, 1e140), 4
    doubt = mixture, np.ones(K) * N / K, None, 0.0, lambda: np.eye(D), []
    return {
        "Mixture": (structure, weights, means, covariances, factors),
        "SumLayout": (structure, K, D),
        "Rows": (X, weight, given),
        "Expectation": (False, True, total),
        "MaximumLikelihood": (letters, reg),
        **conjugate(model, letters, reg),
        "Knowledge": (letters, K, D, prior, fixed, (False, 0.1, 5.0, np.ones(D))),
        "MaximumLikelihood with knowledge": (letters, reg, None, -3.0, known),
        "MemoryRows": ([some, _core.Rows(X[:5])],),
        "StreamRows": (lambda: iter([]), False),
        "CalledRows": (lambda *_: (), False),
        "Task": (rows, m_step, expectation),
        "Recycling": (),
        "LoopOptions": (1e9, _core.Stop(), lambda *_: "", 0, 1),
        "accumulate": (rows, expectation, mixture, means, 1),
        "accumulate streamed": (streamed, expectation, mixture, means, 1),
        "accumulate called": (called, expectation, mixture, None, 1),
        "accumulate_given": (bringing, structure, means, 1),
        "expect_given": (bringing, structure, K, D, 1),
        "evaluate": (
            X,
            mixture,
            1,
            single,
            np.empty((N, K), real),
            labels,
            np.empty((N, K), real),
            np.empty((N, D), real),
            np.empty((N, D, D), real),
        ),
        "find_nonfinite": (X, 1),
        "find_extent": (X, 1),
        "find_distinct": (X, weight, np.empty(N, np.int64), np.empty(N)),
        "maximise": (m_step, means, block, mixture, 1),
        "about": (structure, means, block, means + 1),
        "factorise": (structure, covariances, K, D, 1),
        "Acceleration": (structure, K, D),
        "Stop": (),
        "Monitor": (1e-3, 5, True),
        "expectation_maximisation": (task, mixture, monitor, acceleration, *rest),
        "expectation_maximisation called": (
            _core.Task(called, m_step, expectation),
            mixture,
            monitor,
            None,
            *rest,
        ),
        "online_step": (task, 0.5, mixture, means, block, 1),
        "eigen": (np.eye(D), np.empty(D), np.empty((D, D))),
        "SearchRows": (X, doubles, weight, total, 1.0, 0.0),
        "SearchRows with a recording": (
            *(X, doubles, weight, total, 1.0, 0.0, None, None, None, None),
            _core.recording_of(doubles, weight, 1.0, real == np.float32),
        ),
        "SearchProblem": (searched, m_step, K, reg, 7, 1e9),
        "search": (problem, _core.Stop(), 1),
        "better_end": (problem, [("start", mixture)], _core.Stop(), 1),
        "search_from": (problem, [("given", given)], mixture, (5, 5), _core.Stop(), 1),
        "split": (searched, m_step, mixture, given),
        "merged": (mixture, given),
        "merge_losses": (mixture,),
        "partition": (problem, _core.Model.EEE, 5),
        "moves": (searched, m_step, mixture, given),
        "leave_one_out": (doubles, weight, mixture, given),
        "cut": (structure, doubles, weight, reg, 2.0, np.empty(N, np.int8)),
        "merges_of": (_core.Merge.gaussian, doubles, np.ones(N), 1.0),
        "rows_needed": (letters, D),
        "recording_of": (doubles, weight, 1.0, False),
        "are_held_up": (structure, np.eye(D), reg),
        # asks for the total covariance
        "doubts_about": (_core.MaximumLikelihood(letters, np.ones(D)), *doubt),
        "spread_about": (alone, _core.Structure.full, means[0], 1),
        "spread_about diag": (alone, _core.Structure.diag, means[0], 1),
        "significant": (means, 36),
        "added_by_default": (reg, reg, 36),
        "are_surely_sound": (reg, reg, np.eye(D)),
        "Asked": (*asked, None, 1e9),
        "Asked with a start": (*asked, mixture, 1e9),
        "whole_fits": ([doubles, doubles[::2]], [7, 8], _core.Asked(*asked, None, 1e9), 1),
        "whole_fits given": ([doubles], [7], _core.Asked(*asked, mixture, 1e9), 1),
        "refits": (
            _core.Rows(doubles),
            np.ones((2, N)),
            mixture,
            [m_step],
            False,
            36,
            False,
            False,
            1e-3,
            5,
            1,
        ),
        "observed": (doubles, weight),
        "box_directions": (reg, reg, np.eye(D), lambda matrix: (np.ones(D), matrix.copy())),
        "box_sides": (doubles, weight, reg, ([0, 2], np.ones(2), np.eye(2))),
        "box": (reg, ([0, 2], np.ones(2), None), np.array([[0.0, 0.0], [1.0, 2.0]])),
        "default_scatter": (structure, K, np.eye(D) if is_matrix(structure) else reg, 9.0),
        "drawn_counts": (weight, N, 5, [1, 2]),
        "simd_level": (),
        "simd_levels": (),
    }


def wrong(value, rng):
    """One value that may not fit in the place of another."""
    if isinstance(value, tuple | list) and value and rng.uniform() < 0.8:
        place = rng.randint(len(value))
        return type(value)([*value[:place], wrong(value[place], rng), *value[place + 1 :]])
    if isinstance(value, np.ndarray) and rng.uniform() < 0.7:
        return misshapen(value, rng)
    return WRONG[rng.randint(len(WRONG))]


def misshapen(array, rng):
    if array.ndim == 0 or array.size == 0 or array.dtype.kind != "f":
        return np.zeros(1, array.dtype)
    spoiled = array.copy()
    spoiled.flat[rng.randint(array.size)] = rng.choice([np.nan, np.inf, -np.inf, -1, 0, 1e30])
    longer = np.concatenate([array, array])
    options = [
        *(array[:-1], array[:0], array[:1], longer, array[..., np.newaxis], array[np.newaxis]),
        *(array.ravel(), array.T.copy(), np.asfortranarray(array), array[::-1], array[..., :-1]),
        *(array.astype(np.float32), array.astype(int), array.astype(object), array.tolist()),
        *(spoiled, 0 * array, -array, np.full_like(array, np.nan)),
    ]
    return options[rng.randint(len(options))]


def main(seed, n_calls):
    rng = np.random.RandomState(seed)
    names = list(calls("VVV", float))
    n_raised = 0
    for _ in range(n_calls):
        model, real = MODELS[rng.randint(len(MODELS))], (np.float64, np.float32)[rng.randint(2)]
        name, possible = names[rng.randint(len(names))], calls(model, real)
        if name not in possible:
            continue
        arguments = list(possible[name])
        for _ in range(min(len(arguments), rng.randint(1, 3))):
            place = rng.randint(len(arguments))
            arguments[place] = wrong(arguments[place], rng)
        print(name, model, real.__name__, *map(_short, arguments), flush=True)
        faulthandler.dump_traceback_later(HANGS_AFTER, exit=True)
        try:
            call(name, arguments)
        except Exception:
            n_raised += 1
    print(f"{n_raised} of {n_calls} raised")


def _short(value):
    if isinstance(value, np.ndarray):
        return f"{value.dtype}{value.shape}"
    return repr(value)[:60].replace("\n", " ")


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("real", [np.float64, np.float32])
def test_arguments_that_fit_are_taken(model, real):
    for name, arguments in calls(model, real).items():
        if name != "leave_one_out" or OF_LETTER.get(model) not in ("spherical", "diag"):
            call(name, arguments)


def test_every_function_of_the_core_is_called():
    enumerations = {"Structure", "Model", "Merge", "RowSource", "MStep", "Recording", "WholeFit"}
    public = {name for name in dir(_core) if callable(getattr(_core, name)) and name[0] != "_"}
    assert public - enumerations == {name.split()[0] for name in calls("VVV", float)}


def test_no_call_crashes():
    run = subprocess.run(
        [sys.executable, __file__, "0", "1000"], capture_output=True, text=True, timeout=300
    )
    assert run.returncode == 0, (run.stdout.splitlines()[-1], run.stderr[-2000:])


@pytest.mark.parametrize(
    ("name", "place", "value", "message"),
    [
        ("Rows", 1, np.ones(N - 1), r"sample_weight must have shape \(12,\), got \(11,\)"),
        ("Rows", 2, np.ones((N - 1, K)), r"responsibilities must have shape \(12, 2\)"),
        ("Mixture", 2, np.ones((K + 1, D)), r"weights must have shape \(3,\), got \(2,\)"),
        ("MemoryRows", 0, [], "parts must hold some rows"),
        ("accumulate", 3, np.ones((K, D + 1)), r"centres must have shape \(2, 3\)"),
        ("accumulate_given", 2, np.ones((K + 1, D)), "responsibilities must have 3 columns, got 2"),
        ("maximise", 2, np.ones(4), r"block must have shape"),
        ("evaluate", 3, np.empty(N - 1), r"log_density must have shape \(12,\), got \(11,\)"),
        ("evaluate", 8, np.empty((N, D)), r"hessian must have shape \(12, 3, 3\), got \(12, 3\)"),
        ("factorise", 2, -3, "n_components must be at least 1, got -3"),
        ("factorise", 3, 2**62, "features are too many"),
        ("Acceleration", 1, 0, "n_components must be at least 1, got 0"),
        ("Acceleration", 1, 2**62, "features are too many"),
        ("find_distinct", 3, np.empty(N - 1), r"weights must have shape \(12,\), got \(11,\)"),
        ("moves", 3, np.ones((N, K + 1)), r"responsibilities must have shape \(12, 2\)"),
        ("whole_fits", 1, [7], "seeds must be one a table"),
        ("whole_fits given", 0, [np.ones((N, D + 1))], "start must have the features"),
        ("refits", 3, [], "m_steps must be one, or one a row of weights"),
        ("refits", 6, True, "has_box is of noise, and the M-step has none"),
        ("refits", 7, True, "default_prior is of a prior, and the M-step has none"),
        ("box_sides", 3, ([0, 3], np.ones(2), None), "features must be some of the rows'"),
        ("refits", 1, np.ones(()), "weights must have 2 dimensions, got 0"),
        ("default_scatter", 2, np.ones(()), "covariance must have 1 or 2 dimensions, got 0"),
        ("drawn_counts", 1, 2**62, r"weights must have shape"),
        ("drawn_counts", 2, 2**31, "n_drawn must be 0 to 16 a row, got 2147483648"),
        ("drawn_counts", 2, -1, "n_drawn must be 0 to 16 a row, got -1"),
        ("spread_about", 2, np.ones(D + 1), "means must have the 3 features"),
        ("Asked", 1, 0, "n_components must be 1 at least"),
        (
            "SearchRows with a recording",
            10,
            _core.recording_of(np.ones((N, D - 1)), None, 1.0, False),
            "recording must be of 3 features",
        ),
        ("doubts_about", 5, lambda: np.eye(D - 1), r"total_covariance must have shape \(3, 3\)"),
        (
            "expectation_maximisation",
            3,
            _core.Acceleration(_core.Structure.full, 3, D),
            "acceleration",
        ),
        (
            "accumulate",
            0,
            _core.MemoryRows([_core.Rows(np.ones((5, 2)))]),
            "2 features",
        ),
        (
            "accumulate",
            0,
            _core.MemoryRows([_core.Rows(np.full((5, D), np.nan), missing=True)]),
            "no second moments from a total scatter",
        ),
    ],
)
def test_what_does_not_fit_is_named(name, place, value, message):
    arguments = list(calls("VVV", np.float64)[name])
    arguments[place] = value
    with pytest.raises(ValueError, match=message):
        call(name, arguments)


if __name__ == "__main__":
    faulthandler.enable()
    warnings.simplefilter("ignore")
    assert Path(__file__).exists()
    main(*map(int, sys.argv[1:3]))
