"""What a section gets to measure with."""

from __future__ import annotations

import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from harness.environments import BUILD, PEERS, NotInstallable, make
from harness.problems import Problem
from harness.workers import PeerError, Worker

OURS = "mixtura"
THEIRS = "scikit-learn"


@dataclass(frozen=True)
class Bench:
    """The peers' processes and how much time may be spent."""

    workers: dict[str, Worker]  # scikit-learn first, mixtura last
    versions: dict[str, dict[str, str]]
    left_out: dict[str, str]  # peers that are not here, and why
    machine: Worker
    widest: Worker | None  # the machine again, where NumPy's BLAS might not use its widest vectors
    folder: Path  # for rows on their way to the peers; of this run alone
    quick: bool
    structures: list[str]  # of the sweep
    dtypes: list[str]  # of the sweep

    @property
    def rounds(self) -> int:
        return 2 if self.quick else 5

    @property
    def run_seconds(self) -> float:
        """How long a fast peer repeats its fits in a round."""
        return 0.05 if self.quick else 0.3

    @property
    def budget(self) -> float:
        """Seconds after which a slow peer sits out the rounds that remain of a problem."""
        return 1.0 if self.quick else 4.0

    def sized(self, problem: Problem) -> Problem:
        return problem.scaled(0.05) if self.quick else problem

    def close(self) -> None:
        for worker in (*self.workers.values(), self.machine, self.widest):
            if worker is not None:
                worker.close()
        shutil.rmtree(self.folder)


def open_bench(names: list[str], quick: bool, structures: list[str], dtypes: list[str]) -> Bench:
    """Make the environments of the peers, start their processes, leave out those that cannot be had."""
    workers: dict[str, Worker] = {}
    versions: dict[str, dict[str, str]] = {}
    left_out: dict[str, str] = {}
    for name in names:
        try:
            workers[name], versions[name] = _start(name)
        except (NotInstallable, PeerError) as error:
            left_out[name] = str(error)
            print(f"without {name}: {error}", flush=True)
    machine = Worker(sys.executable, "machine.py", BUILD / "logs" / "machine.log")
    folder = Path(tempfile.mkdtemp(prefix="rows-", dir=BUILD))
    widest = _widest_worker()
    return Bench(workers, versions, left_out, machine, widest, folder, quick, structures, dtypes)


def _widest_worker() -> Worker | None:
    """OpenBLAS takes kernels for older CPUs where it does not know the model; told the kind, it does not."""
    try:
        has_avx512 = "avx512dq" in Path("/proc/cpuinfo").read_text()
    except OSError:
        has_avx512 = False
    if not has_avx512:
        return None
    log = BUILD / "logs" / "machine-avx512.log"
    return Worker(sys.executable, "machine.py", log, {"OPENBLAS_CORETYPE": "SkylakeX"})


def _start(name: str) -> tuple[Worker, dict[str, str]]:
    if name == OURS:
        worker = our_worker()
    else:
        worker = Worker(make(name), PEERS[name].program, BUILD / "logs" / f"{name}.log")
    return worker, worker.ask(do="versions")


def our_worker(
    name: str = OURS,
    python: Path | str = sys.executable,
    environment: dict[str, str | None] | None = None,
) -> Worker:
    """One more process of mixtura: of the environment that runs the benchmark, unless told otherwise."""
    return Worker(python, "mixtura_peer.py", BUILD / "logs" / f"{name}.log", environment)
