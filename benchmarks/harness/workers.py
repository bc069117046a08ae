"""A peer's process, seen from the driver."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from pathlib import Path
from typing import Any

PEERS = Path(__file__).parents[1] / "peers"


class PeerError(RuntimeError):
    """A peer said no, died, or took too long."""


class Worker:
    """A peer's program, running in the peer's environment.

    Parameters
    ----------
    python : Path
        The interpreter of that environment.
    program : str
        A file in benchmarks/peers.
    log : Path
        Where its stderr goes.
    environment : dict
        Variables to set beside ours; None removes one.
    seconds : float
        How long a command may take before the process is killed.
    """

    def __init__(
        self,
        python: Path | str,
        program: str,
        log: Path,
        environment: dict[str, str | None] | None = None,
        seconds: float = 600.0,
    ) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self._log = log
        self._seconds = seconds
        variables = {**os.environ, **(environment or {})}
        with log.open("w") as errors:
            self._process = subprocess.Popen(
                [str(python), str(PEERS / program)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env={name: value for name, value in variables.items() if value is not None},
            )

    def ask(self, **command: Any) -> Any:
        """Send a command, wait for its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        watchdog = threading.Timer(self._seconds, self._process.kill)
        watchdog.start()
        try:
            self._process.stdin.write(json.dumps(command) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            watchdog.cancel()
        if not line:
            raise PeerError(f"died or took too long; see {os.path.relpath(self._log)}")
        answer = json.loads(line)
        if isinstance(answer, dict) and "error" in answer:
            raise PeerError(answer["error"])
        return answer

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
