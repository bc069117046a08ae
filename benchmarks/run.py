"""Measure mixtura against other libraries and against the machine: `make bench`.

    python benchmarks/run.py                      everything, into benchmarks/results/<date>.*
    python benchmarks/run.py --only sweep         one section
    python benchmarks/run.py --quick              few rows, to see that all works
    python benchmarks/run.py --join a.json b.json one report of sweeps that ran in slices

README.md beside this file says what is measured and why that way.
"""

from __future__ import annotations

import argparse
import json
import time
from datetime import date
from pathlib import Path
from typing import Any

from harness.bench import OURS, Bench, open_bench
from harness.chart import draw
from harness.environments import BUILD, PEERS
from harness.problems import DTYPES
from harness.report import write_report
from harness.workers import PeerError
from sections import predict, skip, small, sweep, table, threads, whole

SECTIONS = {
    "whole": whole,
    "table": table,
    "small": small,
    "predict": predict,
    "threads": threads,
    "skip": skip,
    "sweep": sweep,
}

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    arguments = parse()
    if arguments.join:
        print(sweep.render(sweep.join([sweep_of(path) for path in arguments.join])))
        return
    start = time.perf_counter()
    bench = open_bench(
        [*arguments.peers, OURS], arguments.quick, arguments.structures, arguments.dtypes
    )
    try:
        sections = {name: measure(name, bench) for name in arguments.only}
        run = {
            "date": date.today().isoformat(),
            "quick": arguments.quick,
            "minutes": (time.perf_counter() - start) / 60,
            "machine": bench.machine.ask(do="describe"),
            "versions": bench.versions,
            "left_out": bench.left_out,
            "sections": sections,
        }
    finally:
        bench.close()
    path = target(arguments)
    path.parent.mkdir(parents=True, exist_ok=True)
    run["charts"] = charts(run, path)
    write_report(path, run, SECTIONS)
    print(path.with_suffix(".md").read_text())
    print(f"written to {path}.*")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Measure mixtura against its peers and the machine."
    )
    parser.add_argument(
        "--only", nargs="+", choices=SECTIONS, default=list(SECTIONS), help="sections"
    )
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS), help="libraries")
    parser.add_argument(
        "--structures",
        nargs="+",
        choices=sweep.STRUCTURES,
        default=list(sweep.STRUCTURES),
        help="of the sweep",
    )
    parser.add_argument(
        "--dtypes", nargs="+", choices=DTYPES, default=["float64"], help="of the sweep"
    )
    parser.add_argument(
        "--join",
        nargs="+",
        type=Path,
        help="measure nothing: print the sweeps in these .json files as one",
    )
    parser.add_argument("--quick", action="store_true", help="few rows: to see that all works")
    parser.add_argument("--name", help="of the result files; the date unless given")
    return parser.parse_args()


def sweep_of(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())["sections"]["sweep"]


def measure(name: str, bench: Bench) -> dict[str, Any]:
    print(f"\n{name}", flush=True)
    try:
        return SECTIONS[name].measure(bench)
    except PeerError as error:
        print(f"failed: {error}", flush=True)
        return {"error": str(error)}


def target(arguments: argparse.Namespace) -> Path:
    """Where the results go: beside the others only if they are whole, or have a name."""
    if arguments.name:
        return RESULTS / arguments.name
    whole = not arguments.quick and set(arguments.only) == set(SECTIONS)
    return (RESULTS if whole else BUILD / "results") / date.today().isoformat()


def charts(run: dict[str, Any], path: Path) -> list[str]:
    """Draw one chart a precision; their names."""
    table_data = run["sections"].get("table", {})
    if "results" not in table_data:
        return []
    machine = f"{run['machine']['cpu']}, {run['machine']['cores']} cores"
    names = []
    for dtype in DTYPES:
        chart = path.with_name(path.name + ("" if dtype == "float64" else f"-{dtype}") + ".png")
        draw(table_data, dtype, machine, chart)
        names.append(chart.name)
    return names


if __name__ == "__main__":
    main()
