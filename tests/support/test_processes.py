"""Forks and exits while another thread fits, in processes of their own: what fails there hangs or aborts."""

import subprocess
import sys

import pytest

import forked
from mixtura.support.cached import cached

# A process that takes as long hangs.
LIMIT = 120

FITS = """
import os, sys, threading, warnings
import numpy as np
from mixtura import GaussianMixture, GaussianMixtureSearch, from_batches
warnings.simplefilter("ignore")
X = np.random.RandomState(0).normal(size=(8000, 4))

def rows(kind):
    return from_batches(lambda: iter([X[:4800], X[4800:]])) if kind == "batches" else X
"""

# The thread stands in the middle of a moment of all rows, where the core has let go of the GIL.
FORK = """
from itertools import product
from mixtura.rows import ArrayBlocks
spread_about = ArrayBlocks._spread_about

def waiting(self, structure, centre):
    if threading.current_thread() is not threading.main_thread() and structure == moment:
        computing.set()
        forked.wait()
    return spread_about(self, structure, centre)

def fit(kind, init):
    GaussianMixture(2, covariance_type="tied", init_params=init, random_state=0).fit(rows(kind))

ArrayBlocks._spread_about = waiting
for kind, init, moment in product(["array", "batches"], ["auto", "random"], ["diag", "full"]):
    computing, forked = threading.Event(), threading.Event()
    thread = threading.Thread(target=fit, args=(kind, init))
    thread.start()
    assert computing.wait(60)
    print(kind, init, moment, flush=True)  # the one that hangs
    child = os.fork()
    if child == 0:
        fit(kind, init)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status == 0
    forked.set()
    thread.join()
"""


def output_of(script, *args, start=forked.run):
    """What it prints, where it ends well."""
    run = start(
        [sys.executable, "-c", FITS + script, *args],
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    return run.stdout + run.stderr


def test_a_child_forked_while_another_thread_fits_can_fit():
    # In the middle of the variances ("diag") or of the total scatter.
    assert len(output_of(FORK).splitlines()) == 8


def test_a_fit_of_an_array_imports_nothing():
    # A child forked while another thread imports a module waits for ever where it asks for that module.
    script = """
from mixtura.starts import STARTS
before = set(sys.modules)
for start in ["auto", *STARTS]:
    GaussianMixture(2, init_params=start, random_state=0).fit(X[:300]).predict(X)
GaussianMixtureSearch(n_components=[2], random_state=0).fit(X[:300])
GaussianMixture(2).fit(rows("batches"))
print(sorted(set(sys.modules) - before))
"""
    assert output_of(script, start=subprocess.run) == "[]\n"


def test_the_import_loads_nothing_of_others_that_scikit_learn_does_not_but_safetensors():
    script = """
import sys, sklearn.mixture
before = set(sys.modules)
from mixtura import GaussianMixture, GaussianMixtureSearch
packages = {name.partition(".")[0] for name in set(sys.modules) - before}
print(sorted(packages - sys.stdlib_module_names - {"mixtura"}))
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout == "['safetensors']\n"


def test_the_estimator_is_imported_without_the_search_of_many_models():
    script = """
import sys
from mixtura import GaussianMixture
print([name for name in ("sweep", "selection", "plots", "cli") if f"mixtura.{name}" in sys.modules])
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


# Ends in the middle of a fit: the thread never gets to a second one.
EXIT = """
from mixtura.rows import ArrayBlocks
begun = threading.Event()
X = np.random.RandomState(0).normal(size=(20_000, 8))

def callback(*_):
    begun.set()

def fit(kind, structure, init):
    if kind == "search":
        begun.set()
        GaussianMixtureSearch(range(1, 9)).fit(X[:2000])
    if kind != "callback":
        begun.set()
    options = {"covariance_type": structure, "init_params": init, "tol": 0, "max_iter": 10**9}
    if kind == "callback":
        options["callback"] = callback
    GaussianMixture(6, **options).fit(rows(kind))

threading.Thread(target=fit, args=sys.argv[1:], daemon=True).start()
assert begun.wait(60)
threading.Event().wait(0.3)
"""


@pytest.mark.parametrize(
    ("kind", "structure", "init"),
    [
        ("array", "EVE", "random_from_data"),
        ("array", "full", "auto"),
        ("batches", "full", "random_from_data"),
        ("callback", "diag", "random_from_data"),
        ("search", "full", "auto"),
    ],
)
def test_a_process_ends_well_while_a_daemon_thread_fits(kind, structure, init):
    assert output_of(EXIT, kind, structure, init) == ""


def test_a_cached_value_is_computed_once_and_belongs_to_the_object():
    class Counting:
        n_asked = 0

        @cached
        def value(self):
            """What it is."""
            self.n_asked += 1
            return object()

    one, other = Counting(), Counting()
    assert one.value is one.value
    assert one.n_asked == 1
    assert one.value is not other.value
    assert isinstance(Counting.value, cached)
    assert Counting.value.__doc__ == "What it is."
