"""What every test shares."""

from __future__ import annotations

import sys

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def same_draws():
    """What draws from NumPy's global state, as random_state=None does, draws the same in every run."""
    state = np.random.get_state()
    np.random.seed(0)
    yield
    np.random.set_state(state)


@pytest.fixture(autouse=True)
def own_figures():
    """Pictures go to pyplot's current figure where pyplot is imported: no test draws in another's."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
