"""What every test shares."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

# Where nothing may be written beside the sources, Python keeps elsewhere what it compiles of them: each
# process that a test starts would compile the package anew, and each test process all tests.
if sys.dont_write_bytecode:
    del os.environ["PYTHONDONTWRITEBYTECODE"]
    compiled = os.environ.setdefault(
        "PYTHONPYCACHEPREFIX", str(Path(__file__).parents[1] / "build/pycache")
    )
    sys.pycache_prefix, sys.dont_write_bytecode = compiled, False

# Before NumPy comes, here and in the processes that tests start. There is a test process for each core, and
# threads of BLAS, which wait by spinning, take it from them: of small matrices two thirds of the time.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import pytest

from mixtura.support import language

# What the shell says is compared in English, whatever the locale of the machine is.
os.environ["LC_ALL"] = "C.UTF-8"


@pytest.fixture(autouse=True)
def same_draws():
    """What draws from NumPy's global state, as random_state=None does, draws the same in every run."""
    state = np.random.get_state()
    np.random.seed(0)
    yield
    np.random.set_state(state)


@pytest.fixture(autouse=True)
def in_english():
    """A command that ran in this process may have left its language."""
    yield
    language.use(language.ENGLISH)


@pytest.fixture(autouse=True)
def own_figures():
    """Pictures go to pyplot's current figure where pyplot is imported: no test draws in another's."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture(scope="session")
def chromium():
    """A browser, where there is one."""
    api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if not program:
        pytest.skip("needs Chromium (apt install chromium)")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()
