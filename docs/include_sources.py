"""Keep the sources that the pages show equal to the files.

    python docs/include_sources.py            # write the pages anew
    python docs/include_sources.py --check    # only say which would change; exit code 1 if any would

A page shows a file, or some of its classes and functions, between two markers::

    <!-- include src/mixtura/covariance/diag.py -->
    <!-- end -->

    <!-- include tests/starts/test_a_start_of_ones_own.py: along_the_diagonal -->
    <!-- end -->
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent

INCLUDE = re.compile(
    r"^<!-- include (?P<path>[^\s:]+)(?:: (?P<names>[\w, ]+?))? -->\n.*?^<!-- end -->$",
    re.MULTILINE | re.DOTALL,
)

# A definition ends before the first line that is neither empty, nor indented, nor begins with a closing
# bracket. What stands on the lines right above it, decorators and comments, belongs to it.
DEFINITION = r"(?:^(?:@|//).*\n)*^(?:class|def|struct) {name}\b.*\n(?:(?:[ )\]}}].*)?\n)*"


def refreshed(text: str) -> str:
    """Return the page with every included source as it is now."""
    return INCLUDE.sub(_included, text)


def included_files(text: str) -> list[str]:
    """Return the paths of the files that a page includes."""
    return [match["path"] for match in INCLUDE.finditer(text)]


def _included(match: re.Match[str]) -> str:
    path, names = match["path"], match["names"]
    source = (ROOT / path).read_text(encoding="utf-8")
    is_python = path.endswith(".py")
    language, comment = ("python", "#") if is_python else ("cpp", "//")
    marker = path
    if names:
        marker = f"{path}: {names}"
        gap = "\n\n\n" if is_python else "\n\n"
        source = gap.join(_definition(name, source, path) for name in names.split(", "))
    shown = source.strip("\n")
    return f"<!-- include {marker} -->\n```{language}\n{comment} {path}\n{shown}\n```\n<!-- end -->"


def _definition(name: str, source: str, path: str) -> str:
    found = re.search(DEFINITION.format(name=name), source, re.MULTILINE)
    if found is None:
        raise ValueError(f"{path} has no class or function {name}, which a page includes")
    return found[0].strip("\n")


def main() -> int:
    """Write or check the pages."""
    changed = 0
    for page in sorted(DOCS.glob("*.md")):
        before = page.read_text(encoding="utf-8")
        after = refreshed(before)
        if after == before:
            continue
        changed += 1
        print(f"{page.relative_to(ROOT)}: an included source has changed")
        if "--check" not in sys.argv[1:]:
            page.write_text(after, encoding="utf-8")
    return 1 if changed and "--check" in sys.argv[1:] else 0


if __name__ == "__main__":
    sys.exit(main())
