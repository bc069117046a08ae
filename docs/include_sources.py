"""Keep the sources that the pages show equal to the files.

    python docs/include_sources.py            # write the pages anew
    python docs/include_sources.py --check    # only say which would change; exit code 1 if any would

A page shows a file between two markers::

    <!-- include src/mixtura/covariance/diag.py -->
    <!-- end -->
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent

INCLUDE = re.compile(
    r"^<!-- include (?P<path>\S+) -->\n.*?^<!-- end -->$", re.MULTILINE | re.DOTALL
)


def refreshed(text: str) -> str:
    """Return the page with every included file as it is now."""
    return INCLUDE.sub(lambda match: _included(match["path"]), text)


def included_files(text: str) -> list[str]:
    """Return the paths of the files that a page includes."""
    return [match["path"] for match in INCLUDE.finditer(text)]


def _included(path: str) -> str:
    source = (ROOT / path).read_text(encoding="utf-8").strip("\n")
    language, comment = ("python", "#") if path.endswith(".py") else ("cpp", "//")
    return f"<!-- include {path} -->\n```{language}\n{comment} {path}\n{source}\n```\n<!-- end -->"


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
