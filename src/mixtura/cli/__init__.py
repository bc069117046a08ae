"""The command line: `mixtura fit`, `select`, `predict`, `sample`, `show` and `demo`.

Needs typer, rich, pyarrow and matplotlib (`pip install 'mixtura[cli]'`); this file needs none of
them, so that it can say so.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec

from mixtura.cli.errors import CommandError, reporting
from mixtura.support import language

NEEDED = ("typer", "rich", "pyarrow", "matplotlib")


def main() -> None:
    """Run the command that `sys.argv` names and leave with its exit code."""
    if sys.stdout is None:  # closed by the shell: mixtura ... >&-
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", closefd=False)
    language.use(language.of_locale())
    with reporting():
        _check_extras()
        from mixtura.cli.app import app

        app(prog_name="mixtura")


def _check_extras() -> None:
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise CommandError(
            f"the command line needs {', '.join(missing)}, not installed here; "
            "run: pip install 'mixtura[cli]'"
        )
