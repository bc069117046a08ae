"""Where lines of progress go: to standard output, or, in a notebook, to one place that is written anew."""

from __future__ import annotations

import sys
from collections import deque
from time import monotonic
from typing import Any

# Lines that a notebook keeps in view: a long fit has thousands.
_MOST_LINES = 10

# Seconds between two pictures of them: a front end that is sent more falls behind.
_INTERVAL = 0.2


class Lines:
    """Takes lines of progress, from any thread, one at a time."""

    def say(self, line: str) -> None:
        """Print a line at once: whoever watches a log of a long fit sees it now."""
        print(line, flush=True)

    def end(self) -> None:
        """Show what was not shown yet."""


class NotebookLines(Lines):
    """Shows the last lines in one place of the cell's output, anew a few times a second."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=_MOST_LINES)
        self._n_said = self._n_shown = 0
        self._shown_at = -_INTERVAL
        self._handle: Any = None

    def say(self, line: str) -> None:
        self._lines.append(line)
        self._n_said += 1
        if monotonic() >= self._shown_at + _INTERVAL:
            self._show()

    def end(self) -> None:
        if self._n_shown < self._n_said:
            self._show()

    def _show(self) -> None:
        from IPython.display import display

        hidden = self._n_said - len(self._lines)
        more = [f"... {hidden:,} lines before"] if hidden else []
        text = {"text/plain": "\n".join([*more, *self._lines])}
        if self._handle is None:
            self._handle = display(text, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(text, raw=True)
        self._n_shown, self._shown_at = self._n_said, monotonic()


def lines_of_progress() -> Lines:
    """Where lines go from here: a notebook's own place, unless its output is caught or led elsewhere."""
    in_notebook = type(sys.stdout).__module__.partition(".")[0] == "ipykernel"
    return NotebookLines() if in_notebook else Lines()
