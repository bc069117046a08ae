"""Processes of Python that begin with the package imported: a fresh one takes two seconds for that.

`Popen` and `run` are those of subprocess, for `python -c CODE` and `python -m mixtura`, where the import is
not the point. Behind them one process has imported what commands need, and forks for each: the child takes
the given files, folder, environment and arguments, is the test's own child, and ends as any interpreter
does. What is read only when Python, NumPy or the core begin is not taken from its environment
(PYTHONHASHSEED, OPENBLAS_NUM_THREADS, MIXTURA_SIMD), nor are Matplotlib's settings: such tests start Python
itself. Where it is not Linux, all do.
"""

from __future__ import annotations

import atexit
import functools
import inspect
import json
import os
import signal
import socket
import subprocess
import sys
import time
import types
import warnings
from pathlib import Path
from unittest import mock

PR_SET_CHILD_SUBREAPER = 36
Plain = subprocess.Popen  # which `run` replaces for a moment
LONGEST = 150_000  # bytes of a request; a packet of the socket may have somewhat more


class _Forked(Plain):
    def _execute_child(self, *given):
        asked = inspect.signature(super()._execute_child).bind(*given).arguments
        python, *arguments = map(str, asked["args"])
        assert (python, arguments[0]) in {(sys.executable, "-c"), (sys.executable, "-m")}
        assert not asked["shell"]
        ends = [asked[name] for name in ("p2cread", "c2pwrite", "errwrite")]
        request = {
            "arguments": arguments,
            "folder": os.fspath(asked["cwd"] or Path.cwd()),
            "environment": dict(os.environ if asked["env"] is None else asked["env"]),
        }
        packet = json.dumps(request).encode()
        files = [own if end == -1 else end for own, end in enumerate(ends)]
        connection, _ = _server()
        socket.send_fds(connection, [packet], files)
        self.pid = int(connection.recv(100))
        self._child_created = True
        names = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")
        self._close_pipe_fds(*(asked[name] for name in names))


def _run(command, **options):
    with mock.patch.object(subprocess, "Popen", _Forked):
        return subprocess.run(command, **options)


FORKS = sys.platform == "linux"
Popen = _Forked if FORKS else Plain
run = _run if FORKS else subprocess.run


@functools.cache
def _server() -> tuple[socket.socket, Plain]:
    """Start the process that forks; the orphans that it makes become children of this one."""
    import ctypes

    assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, __file__, str(there.fileno())]
    process = Plain(command, pass_fds=[there.fileno()], stdin=subprocess.DEVNULL)
    there.close()
    atexit.register(process.wait)
    atexit.register(here.close)  # first, so that the other one ends
    return here, process


# In the other process


def _serve(connection: socket.socket) -> dict:
    """Return in a child that was asked for."""
    # Ctrl-C in a terminal comes to all of its processes; the tests end, and with them the connection.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        packet, files, *_ = socket.recv_fds(connection, LONGEST, 3)
        if not packet:
            os._exit(0)
        middle = _fork()
        if middle == 0:
            if _fork():
                os._exit(0)  # the child's parent is now that of all orphans: the tests
            while os.getppid() != _tests:
                time.sleep(0.0005)
            for number, file in enumerate(files):
                os.dup2(file, number)
                os.close(file)
            connection.send(str(os.getpid()).encode())
            connection.close()
            return json.loads(packet)
        os.waitpid(middle, 0)
        for file in files:
            os.close(file)


def _fork() -> int:
    with (
        warnings.catch_warnings()
    ):  # Python warns of any thread: here is none but that of pyarrow's memory
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _become(asked: dict) -> None:
    """What an interpreter does when it begins, as far as it was told something else."""
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.stdin = sys.__stdin__ = os.fdopen(0, encoding="utf-8")
    sys.stdout = sys.__stdout__ = os.fdopen(1, "w", encoding="utf-8")
    sys.stderr = sys.__stderr__ = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace")
    sys.stderr.reconfigure(line_buffering=True)
    if filters := os.environ.get("PYTHONWARNINGS"):
        assert filters == "error"
        sys.warnoptions.append(filters)
        warnings.simplefilter(filters)
    random.seed()
    numpy.random.seed()


def _work(way: str, what: str, *arguments: str) -> None:
    sys.argv[1:] = arguments
    sys.path.insert(0, "" if way == "-c" else str(Path.cwd()))
    if way == "-m":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
        return
    sys.argv[0] = "-c"
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    exec(compile(what, "<string>", "exec"), vars(main))


if __name__ == "__main__":
    del sys.path[0]  # the folder of the tests
    import random
    import runpy

    import numpy
    from matplotlib.backends import backend_agg  # noqa: F401

    import mixtura.cli.app
    import mixtura.plots
    import mixtura.sweep  # noqa: F401

    _tests = os.getppid()
    threads = {path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")}
    own = Path("/proc/self/comm").read_text().strip()
    # that of pyarrow's jemalloc comes back in the child
    assert threads <= {own, "jemalloc_bg_thd"}, "a fork would lose a thread"
    asked = _serve(socket.socket(fileno=int(sys.argv[1])))
    _become(asked)
    _work(*asked["arguments"])
