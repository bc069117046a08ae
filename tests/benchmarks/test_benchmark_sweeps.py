"""The benchmark of sweeps: it runs, and it says rightly where a choice differs from mclust's."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks" / "optimum"


@pytest.fixture
def sweeps(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import sweeps

    return sweeps


def fitted(sweeps, key, cells, failures=None):
    choice = sweeps.Choice(key, cells[key], "")
    return sweeps.Fitted(choice, True, 3, 5, cells, failures or {})


def difference(sweeps, key, cells, other, theirs, failures=None):
    ours = fitted(sweeps, key, cells, failures)
    return sweeps.difference(ours, sweeps.Choice(other, theirs[other], ""), theirs)


def test_prints_a_line_for_each_table_and_the_counts():
    tables = ["one_sentinel", "zero_inflated"]

    done = subprocess.run(
        [sys.executable, FOLDER / "sweeps.py", "--tables", *tables],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    cells = [line.split(" | ") for line in lines[:4]]
    assert len({len(row) for row in cells}) == 1
    assert [row[0] for row in cells[2:]] == [f"| {name}" for name in tables]
    assert lines[-1].startswith("Of 2 tables: ")


def test_same_model_with_a_better_optimum(sweeps):
    why = difference(sweeps, (2, "VVV"), {(2, "VVV"): 9.5}, (2, "VVV"), {(2, "VVV"): 10.0})

    assert why == "same model, lower by 0.50 here"


def test_one_component_is_the_same_model_by_many_names(sweeps):
    assert sweeps.same_model((1, "VVV"), (1, "EEE"))
    assert sweeps.same_model((1, "VII"), (1, "EII"))
    assert sweeps.same_model((1, "V"), (1, "E"))
    assert not sweeps.same_model((1, "VVI"), (1, "EEE"))
    assert not sweeps.same_model((2, "VVV"), (2, "EEE"))


def test_each_cell_is_compared(sweeps):
    why = difference(
        sweeps,
        (3, "EEE"),
        {(3, "EEE"): 5.0, (2, "VVV"): 8.0},
        (2, "VVV"),
        {(2, "VVV"): 7.5, (3, "EEE"): 9.0},
    )

    assert why == "our cell: lower by 4.00 here; mclust's cell: higher by 0.50 here"


def test_cells_without_a_fit(sweeps):
    why = difference(
        sweeps,
        (2, "E"),
        {(2, "E"): 5.0},
        (3, "V"),
        {(3, "V"): 1.0},
        {(3, "V"): "component 2 holds 1 row"},
    )

    assert why == "mclust: NA in our cell; mclust's cell: no fit here, component 2 holds 1 row"


def test_values_recorded_of_other_rows_are_refused(sweeps):
    rows = np.zeros((3, 1))
    record = {"shape": [3, 1], "means": [1.0], "best": None, "bic": {}}

    with pytest.raises(ValueError, match=r"run sweeps_reference\.py"):
        sweeps.recorded("geyser", rows, {"geyser": record})
    with pytest.raises(ValueError, match=r"run sweeps_reference\.py"):
        sweeps.recorded("geyser", rows, {})


def test_every_table_has_recorded_values(sweeps):
    assert set(sweeps.known()) == set(sweeps.TABLES)
    assert len(sweeps.TABLES) == 40
