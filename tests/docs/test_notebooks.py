"""Notebooks: those of examples/ run as they stand, and what long work shows in one."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

why = "notebooks are executed where nbclient, nbformat and ipykernel are installed"
nbclient = pytest.importorskip("nbclient", reason=why)
nbformat = pytest.importorskip("nbformat", reason=why)
pytest.importorskip("ipykernel", reason=why)

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

# A kernel talks over sockets on this machine, of which its libraries warn.
pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.site]


@pytest.fixture(scope="module")
def run():
    """Runs a notebook in a folder, and returns it with its outputs."""

    def executed(notebook, folder):
        resources = {"metadata": {"path": str(folder)}}
        nbclient.NotebookClient(
            notebook, timeout=300, kernel_name="python3", resources=resources
        ).execute()
        return notebook

    try:
        executed(notebook_of("1"), ".")
    except (OSError, RuntimeError, nbclient.exceptions.DeadKernelError) as error:
        pytest.skip(f"no kernel can be started here: {error}")
    return executed


def notebook_of(*sources):
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in sources])


def outputs(notebook):
    return [output for cell in notebook.cells for output in cell.get("outputs", ())]


def texts_of(cell):
    """All that a cell shows as text, each output by itself."""
    return [
        output.text if output.output_type == "stream" else output.data.get("text/plain", "")
        for output in cell.outputs
    ]


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="needs the repository, not only the package")
def test_the_examples_are_there_and_hold_no_outputs():
    paths = sorted(EXAMPLES.glob("*.ipynb"))
    assert [path.stem for path in paths] == ["choosing_a_model", "first_mixture", "large_files"]
    for path in paths:
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            assert not cell.get("outputs")
            assert cell.get("execution_count") is None


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="needs the repository, not only the package")
@pytest.mark.parametrize(
    ("name", "n_tables", "n_pictures", "words"),
    [
        (
            "first_mixture",
            5,
            1,
            [r"EM +converged after \d+ iterations, from the best of \d+ starts", r"71 minutes on"],
        ),
        (
            "choosing_a_model",
            4,
            1,
            [r"3 +EEE +-1,126\.32 +11 +2,314\.30", r"\[210/210\]", r"elbow  2 clusters"],
        ),
        (
            "large_files",
            2,
            0,
            [r"100,000 x 2 features", r"interrupted; kept: True", r"the same bits: True"],
        ),
    ],
)
def test_an_example_runs_and_shows_what_it_speaks_of(
    run, name, n_tables, n_pictures, words, tmp_path
):
    notebook = run(nbformat.read(EXAMPLES / f"{name}.ipynb", as_version=4), tmp_path)
    found = outputs(notebook)
    assert all(output.output_type != "error" for output in found)
    assert all(output.get("name") != "stderr" for output in found)
    shown = [output.data for output in found if "data" in output]
    assert sum("<table" in data.get("text/html", "") for data in shown) == n_tables
    pictures = [data["image/png"] for data in shown if "image/png" in data]
    assert len(pictures) == n_pictures
    assert all(len(picture) > 10_000 for picture in pictures)
    text = "\n".join(
        text for cell in notebook.cells if "outputs" in cell for text in texts_of(cell)
    )
    for wanted in words:
        assert re.search(wanted, text), wanted
    assert not re.search(r"[\x00-\x08\x0b-\x1f]", text)
    assert not list(tmp_path.iterdir())


SEARCH = """
from mixtura import GaussianMixture, GaussianMixtureSearch
from mixtura.datasets import load_faithful
X = load_faithful().data
GaussianMixtureSearch(range(1, 4), ["EEE", "VVV"], random_state=0, verbose=1).fit(X);
"""

FIT = """
GaussianMixture(3, init_params="random", n_init=5, random_state=0, verbose=2, verbose_interval=1).fit(X);
"""

FAILING = """
def interrupt(iteration, *_):
    if iteration == 3:
        raise KeyboardInterrupt
try:
    GaussianMixture(2, init_params="random", random_state=0, verbose=1, verbose_interval=1,
                    callback=interrupt, tol=0).fit(X)
except KeyboardInterrupt:
    pass
"""

CAUGHT = """
import contextlib, io
with contextlib.redirect_stdout(io.StringIO()) as caught:
    GaussianMixture(2, init_params="kmeans", verbose=1).fit(X)
assert caught.getvalue() == "Initialization 0\\nInitialization 0 converged.\\n", caught.getvalue()
"""

SHELL = """
import numpy as np, sys
np.savetxt("rows.csv", X, delimiter=",", header="a,b", comments="")
get_ipython().system(f"{sys.executable} -m mixtura select rows.csv -k 1:2 --top 2 --no-figure")
"""


def test_progress_is_lines_that_are_updated_in_one_place(run, tmp_path):
    notebook = run(notebook_of(SEARCH, FIT, FAILING, CAUGHT, SHELL), tmp_path)
    search, fit, failing, caught, shell = notebook.cells
    (lines,) = (text.splitlines() for text in texts_of(search))
    assert lines[0] == "... 8 lines before"
    assert [line.split()[0] for line in lines[1:]] == [f"[{i}/18]" for i in range(9, 19)]
    (lines,) = (text.splitlines() for text in texts_of(fit))
    assert re.fullmatch(r"\.\.\. [\d,]+ lines before", lines[0])
    assert lines[-1].startswith("Initialization 4 converged.")
    assert len(lines) == 11
    (text,) = texts_of(failing)
    assert text.splitlines()[-1] == "  Iteration 3"  # what was done by then
    assert caught.outputs == []
    text = "".join(texts_of(shell))
    assert text.startswith(("2 models", "\x1b[1m2 models"))
    assert not re.search(r"\x1b\[[^m]*[A-HJKlhf]|\r(?!\n)", text)  # nothing moves or erases
