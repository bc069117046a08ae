"""The kernels: every instruction set gives the same numbers, and what is left out does not matter."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose

import mixtura
from mixtura import _core
from mixtura.rows import ArrayBlocks, Rows

STATISTICS = """
import json, sys
import numpy as np
from mixtura import _core
from mixtura.rows import ArrayBlocks, Rows
from mixtura.covariance import STRUCTURES
from mixtura.testing.problems import random_mixture, random_rows

# From 16 components and 13 features on, full covariances look for bounds. No component may be without rows:
# its count, 1e-200 say, is left out too.
SHAPES = (
    *((3, 1, 65), (2, 5, 300), (25, 3, 2500), (40, 8, 700), (3, 16, 130), (5, 17, 257), (2, 33, 200)),
    *((33, 9, 1100), (16, 13, 3000), (40, 16, 513), (20, 17, 1000), (24, 33, 600)),
    *((16, 6, 9000), (17, 12, 2500), (18, 20, 2600)),  # so many rows are sorted by component
)
spread = float(sys.argv[1])
found = {"level": _core.simd_level()}
for name in STRUCTURES:
    for k, d, n in SHAPES:
        rng = np.random.default_rng(k * d)
        mixture = random_mixture(k, d, name, rng)
        far = type(mixture).from_parameters(
            mixture.weights, spread * mixture.means, mixture.covariances, covariance_type=name
        )
        for dtype in (np.float64, np.float32):
            X = random_rows(far, n, rng).astype(dtype)
            s = ArrayBlocks(Rows(X)).accumulate(far)
            key = f"{name} {k} {d} {np.dtype(dtype).name}"
            found[key] = [s.log_likelihood, s.log_certainty, s.counts.tolist(),
                          s.firsts.ravel().tolist(), s.seconds.ravel().tolist()]
print(json.dumps(found))
"""


def statistics(spread, **environment):
    run = subprocess.run(
        [sys.executable, "-c", STATISTICS, str(spread)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(run.stdout)


@pytest.fixture(scope="module")
def baseline():
    return statistics(1, MIXTURA_SIMD="baseline")


@pytest.mark.parametrize("level", ["avx2", "avx512"])
def test_instruction_sets_agree(level, baseline):
    if level not in _core.simd_levels():
        pytest.skip(f"this machine has no {level}")
    found = statistics(1, MIXTURA_SIMD=level)
    assert found.pop("level") == level
    assert baseline["level"] == "baseline"
    for key, ours in found.items():
        # Sums within a tile are taken in the rows' precision.
        rtol = 1e-12 if key.endswith("float64") else 2e-5
        n_rows = np.sum(baseline[key][2])
        for one, other in zip(ours, baseline[key], strict=True):
            size = max(np.abs(other).max(), n_rows)  # sums of terms of order 1 and more
            assert_allclose(one, other, rtol=rtol, atol=rtol * size, err_msg=key)


@pytest.mark.parametrize(
    ("spread", "level"),
    [
        (6, "baseline"),
        pytest.param(1, "avx2", marks=pytest.mark.nightly),
        pytest.param(6, "avx2", marks=pytest.mark.nightly),
        (30, "avx2"),
        (1, "avx512"),
        pytest.param(6, "avx512", marks=pytest.mark.nightly),
        pytest.param(30, "avx512", marks=pytest.mark.nightly),
    ],
)
def test_what_is_left_out_changes_no_bit(spread, level):
    if level not in _core.simd_levels():
        pytest.skip(f"this machine has no {level}")
    everything = statistics(spread, MIXTURA_SKIP="0", MIXTURA_SIMD=level)
    assert statistics(spread, MIXTURA_SIMD=level) == everything


@pytest.mark.parametrize("distance", [0, 1, 10, 1000])
@pytest.mark.parametrize("structure", ["spherical", "tied"])
def test_sums_about_a_common_point_are_those_about_the_means(structure, distance):
    # Near each other, means share one point that sums are taken about; far apart each has its own.
    rng = np.random.default_rng(distance)
    k, d = 10, 7
    means = 1e3 + distance * rng.standard_normal((k, d))
    covariances = (
        rng.uniform(0.5, 2, k) if structure == "spherical" else np.diag(rng.uniform(0.5, 2, d))
    )
    mixture = mixtura.Mixture.from_parameters(
        rng.dirichlet(np.full(k, 5.0)), means, covariances, covariance_type=structure
    )
    X = mixture.sample(999, random_state=0)[0]
    differences = X[:, None] - means
    squares = (differences**2).sum(axis=-1)
    if structure == "spherical":
        log_joint = -0.5 * squares / covariances - 0.5 * d * np.log(2 * np.pi * covariances)
    else:
        variances = np.diag(covariances)
        log_joint = -0.5 * (differences**2 / variances + np.log(2 * np.pi * variances)).sum(axis=-1)
    log_joint += np.log(mixture.weights)
    log_density = np.logaddexp.reduce(log_joint, axis=1)
    r = np.exp(log_joint - log_density[:, None])
    found = ArrayBlocks(Rows(X)).accumulate(mixture)
    assert_allclose(found.log_likelihood, log_density.sum(), rtol=1e-12)
    assert_allclose(found.counts, r.sum(axis=0), rtol=1e-10, atol=1e-12)
    assert_allclose(found.firsts, np.einsum("nk,nkd->kd", r, differences), rtol=1e-9, atol=1e-9)
    if structure == "spherical":
        assert_allclose(found.seconds, (r * squares).sum(axis=0), rtol=1e-10, atol=1e-10)


def import_with(level):
    return subprocess.run(
        [sys.executable, "-c", "from mixtura import _core; print(_core.simd_level())"],
        env={**os.environ, "MIXTURA_SIMD": level},
        capture_output=True,
        text=True,
        check=True,
    )


@pytest.mark.parametrize("level", ["avx9", "AVX2", " baseline"])
def test_an_instruction_set_that_is_not_there_is_pointed_out_once(level):
    run = import_with(level)
    assert run.stdout.split() == _core.simd_levels()[:1]
    assert run.stderr.count("RuntimeWarning") == 1
    assert repr(level) in run.stderr
    assert all(repr(name) in run.stderr for name in _core.simd_levels())


@pytest.mark.parametrize("level", ["", *_core.simd_levels()])
def test_an_instruction_set_that_is_there_runs_without_a_word(level):
    run = import_with(level)
    assert run.stdout.split() == [level or _core.simd_levels()[0]]
    assert run.stderr == ""


def test_show_versions_tells_the_instruction_set(capsys):
    mixtura.show_versions()
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()[4:])
    assert lines["mixtura"] == mixtura.__version__
    mixtura.show_versions()
    assert f"instruction set  {_core.simd_level()}\n" in capsys.readouterr().out
