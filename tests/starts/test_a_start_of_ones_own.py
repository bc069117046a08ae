"""A start, as docs/architecture.md shows it: a function of the rows and the M-step that gives a mixture."""

from __future__ import annotations

import numpy as np

from mixtura.covariance import structure
from mixtura.fitting.best_of_starts import best_fit
from mixtura.fitting.request import StartRequest, options_of
from mixtura.rows import ArrayBlocks, Rows
from mixtura.starts import STARTS
from mixtura.starts.seeds import mixture_at


def along_the_diagonal(blocks, m_step, n_components, rng):
    """Means in steps along the diagonal of the box in which all rows lie."""
    extent = blocks.extent
    shares = (np.arange(n_components)[:, np.newaxis] + 0.5) / n_components
    return mixture_at(extent.least + shares * (extent.most - extent.least), blocks, m_step)


def test_it_is_one_of_the_starts(monkeypatch):
    monkeypatch.setitem(STARTS, "diagonal", along_the_diagonal)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 2)) + 8 * rng.integers(0, 3, (300, 1))
    blocks = ArrayBlocks(Rows(X))
    asked = {"reg_covar": "auto", "tol": 1e-7, "max_iter": 100, "max_time": None}
    options = options_of(blocks, min_component_rows=0.0, names=None, **asked)
    request = StartRequest(structure("full"), 3, [0], init_params="diagonal")
    fit, records = best_fit(request.beginnings(blocks, options), blocks, options)
    assert [record.kind for record in records] == ["diagonal"]
    assert fit.monitor.converged
    assert np.allclose(np.sort(fit.mixture.means[:, 0]), [0, 8, 16], atol=0.5)
