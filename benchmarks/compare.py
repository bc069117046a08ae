"""Is the working tree slower than another commit? `make bench-compare BASE=main`.

Builds the other commit into an environment of its own, with the same dependencies, and runs both in turn on a
few problems. Says so, and fails, only where the working tree is slower by more than a relative *and* an
absolute amount, and still is when measured again.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from harness.bench import our_worker
from harness.environments import BUILD, ROOT, NotInstallable, install, interpreter
from harness.problems import SMALL, TABLE, Problem, write
from harness.rounds import interleave, medians, tasks_of
from harness.text import duration, table
from harness.workers import Worker

PROBLEMS = ("B", "C", "E", "F", "G")

# Both must be passed: a millisecond of a second is noise, and so is a tenth of a microsecond.
RELATIVE = 0.10
ABSOLUTE_SECONDS = 0.2e-3
ABSOLUTE_SECONDS_SMALL = 5e-6

ROUNDS = 5
REPEATS = 2  # each with twice the rounds of the one before

BASE, TREE = "base", "working tree"


@dataclass(frozen=True)
class Comparison:
    """One EM iteration of a problem, before and after."""

    problem: Problem
    base: float
    tree: float

    @property
    def is_slower(self) -> bool:
        small = self.problem is SMALL
        absolute = ABSOLUTE_SECONDS_SMALL if small else ABSOLUTE_SECONDS
        return self.tree > (1 + RELATIVE) * self.base and self.tree - self.base > absolute


def main() -> None:
    arguments = parse()
    try:
        python = base_python(arguments.base)
    except NotInstallable as error:
        sys.exit(f"cannot build {arguments.base}: {error}")
    workers = {BASE: our_worker("compare-base", python), TREE: our_worker("compare-tree")}
    problems = [problem for problem in TABLE if problem.name in PROBLEMS]
    if arguments.quick:
        problems = [problem.scaled(0.05) for problem in problems]
    with tempfile.TemporaryDirectory(prefix="rows-", dir=BUILD) as folder:
        comparisons = [confirm(workers, problem, Path(folder)) for problem in (*problems, SMALL)]
    for worker in workers.values():
        worker.close()
    print(text(comparisons, arguments.base))
    slower = [comparison.problem.name for comparison in comparisons if comparison.is_slower]
    if slower:
        sys.exit(f"slower than {arguments.base}: {', '.join(slower)}")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Compare the working tree's speed with a commit's."
    )
    parser.add_argument("base", help="commit, branch or tag")
    parser.add_argument("--quick", action="store_true", help="few rows: to see that all works")
    return parser.parse_args()


# The other commit


def base_python(base: str) -> Path:
    """The interpreter of an environment with that commit installed; kept for the next time."""
    commit = git("rev-parse", "--verify", f"{base}^{{commit}}").strip()
    folder = BUILD / "bases" / commit[:12]
    done = folder / "installed.txt"
    if not done.exists():
        print(f"building {base} ({commit[:12]})", flush=True)
        constraints = BUILD / "bases" / "constraints.txt"
        tree = BUILD / "bases" / f"{commit[:12]}-source"
        unpack(commit, tree)
        constraints.write_text(our_packages())
        install(folder, sys.executable, "--constraint", str(constraints), str(tree))
        done.touch()
    return interpreter(folder)


def git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise NotInstallable(done.stderr.strip())
    return done.stdout


def unpack(commit: str, folder: Path) -> None:
    """The commit's files; an archive leaves nothing behind in .git, as a worktree would."""
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder.with_suffix(".tar")
    git("archive", "--output", str(archive), commit)
    subprocess.run(["tar", "-x", "-f", str(archive), "-C", str(folder)], check=True)
    archive.unlink()


def our_packages() -> str:
    """What is installed beside us, so that the two differ in mixtura alone."""
    command = [sys.executable, "-m", "pip", "freeze", "--exclude-editable"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


# Before and after


def confirm(workers: dict[str, Worker], problem: Problem, folder: Path) -> Comparison:
    """Compare; what looks slower again, more thoroughly."""
    files = write(problem, folder, ("float64",))
    for worker in workers.values():
        worker.ask(**files.command(problem, "float64"))
        worker.ask(do="reach", n_iter=problem.n_iter)
    comparison = compare(workers, problem, ROUNDS)
    for repeat in range(REPEATS):
        if not comparison.is_slower:
            break
        print(f"{problem.name}: looks slower, again", flush=True)
        comparison = compare(workers, problem, ROUNDS << (repeat + 1))
    return comparison


def compare(workers: dict[str, Worker], problem: Problem, rounds: int) -> Comparison:
    tasks = tasks_of(workers, do="iterate", n_iter=problem.n_iter, seconds=0.3)
    seconds = medians(interleave(tasks, rounds), "iterations")
    return Comparison(problem, seconds[BASE], seconds[TREE])


def text(comparisons: list[Comparison], base: str) -> str:
    rows = [
        [
            comparison.problem.name,
            comparison.problem.label,
            duration(comparison.base),
            duration(comparison.tree),
            f"{comparison.tree / comparison.base:.2f}",
            "**slower**" if comparison.is_slower else "",
        ]
        for comparison in comparisons
    ]
    return table(["", "N × d, K, structure", base, TREE, "ratio of times", ""], rows)


if __name__ == "__main__":
    main()
