"""Commands of the shell, run by tests: in this process, or in one of their own."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import sys
from types import SimpleNamespace
from unittest import mock

import pytest
import typer.main

import forked
from mixtura.cli import main

COMMAND = [sys.executable, "-m", "mixtura"]
SETTINGS = {"COLUMNS": "100", "TERM": "xterm", "PYTHONWARNINGS": "error", "PYTHONUNBUFFERED": ""}
ENVIRONMENT = os.environ | SETTINGS

# typer reads the signatures of all commands anew for each that runs, which takes as long as all else does.
typer.main.get_params_from_function = functools.cache(typer.main.get_params_from_function)


def process(*arguments, cwd, stdin=None, **options):
    """Run a command as a user does."""
    options = {"capture_output": True, "text": True, "env": ENVIRONMENT} | options
    command = [*COMMAND, *map(str, arguments)]
    return forked.run(command, cwd=cwd, input=stdin, **options)


def call(*arguments, cwd, stdin="", env=ENVIRONMENT):
    """Run a command without a new process, which takes two seconds to import: where that is not the point."""
    stdout, stderr = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    given = io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8")
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(sys, "argv", ["mixtura", *map(str, arguments)]))
        stack.enter_context(mock.patch.object(sys, "stdin", given))
        stack.enter_context(mock.patch.dict(os.environ, env))
        stack.enter_context(contextlib.chdir(cwd))
        stack.enter_context(contextlib.redirect_stdout(stdout))
        stack.enter_context(contextlib.redirect_stderr(stderr))
        left = stack.enter_context(pytest.raises(SystemExit))
        main()
    texts = []
    for stream in (stdout, stderr):
        stream.flush()
        texts.append(stream.buffer.getvalue().decode())
    return SimpleNamespace(returncode=left.value.code, stdout=texts[0], stderr=texts[1])


def succeeds(*arguments, run=call, **options):
    done = run(*arguments, **options)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def fails(*arguments, run=call, code=1, **options):
    """Run a command that fails with one sentence, and return the sentence."""
    done = run(*arguments, **options)
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("mixtura: error: ")
    return line.removeprefix("mixtura: error: ")
