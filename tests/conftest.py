"""What every test shares."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def same_draws():
    """What draws from NumPy's global state, as random_state=None does, draws the same in every run."""
    state = np.random.get_state()
    np.random.seed(0)
    yield
    np.random.set_state(state)
