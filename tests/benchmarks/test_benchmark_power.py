"""The benchmark of the bootstrap test runs."""

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "optimum" / "power.py"


def test_prints_size_and_power():
    done = subprocess.run(
        [sys.executable, SCRIPT, "--sets", "2", "--replicates", "9"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    size, power = done.stdout.splitlines()
    assert size.startswith("size : ")
    assert power.startswith("power: ")
    assert "(2 sets" in power
