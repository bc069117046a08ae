"""The changelog of one release, and whether its tag may be published.

    python packaging/release_notes.py v0.1.0

Prints the section of CHANGELOG.md under the tag's version. Ends with an error where that is not the version
of pyproject.toml, or where the section is not dated: versions stand in these two places and nowhere else.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def release_notes(tag: str, project: str, changelog: str) -> str:
    version = tomllib.loads(project)["project"]["version"]
    if tag != f"v{version}":
        raise SystemExit(
            f"The tag is {tag}, and the version in pyproject.toml {version}: tag v{version}."
        )
    heading = re.compile(rf"^## \[{re.escape(version)}\] - (?P<date>.*)\n", re.MULTILINE)
    found = heading.search(changelog)
    if found is None:
        raise SystemExit(f"CHANGELOG.md has no heading '## [{version}] - DATE'.")
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", found["date"]):
        raise SystemExit(
            f"CHANGELOG.md says of {version} '{found['date']}': put the date (2026-12-31) there."
        )
    return changelog[found.end() :].split("\n## [")[0].strip()


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit("Which tag? python packaging/release_notes.py v0.1.0")
    project, changelog = ROOT / "pyproject.toml", ROOT / "CHANGELOG.md"
    print(release_notes(sys.argv[1], project.read_text(), changelog.read_text()))


if __name__ == "__main__":
    main()
