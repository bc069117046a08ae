"""Build the site of this version beside those of earlier ones, with a selector: `make docs-versions`.

Each version is a folder of `build/versions`, which is what a web server shows; the others stay as they are.
Material's selector reads `versions.json` above them, in the form of mike's. mike itself keeps versions as
commits of a branch, which a folder does not need.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "versions"

INDEX = """<!DOCTYPE html>
<meta charset="utf-8">
<title>mixtura</title>
<meta http-equiv="refresh" content="0; url={newest}/index.html">
<a href="{newest}/index.html">mixtura {newest}</a>
"""


def main() -> None:
    """Build this version, and tell the selector of all."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet"]
    command += ["--site-dir", str(FOLDER / project["version"])]
    subprocess.run(command, cwd=ROOT, env=os.environ | {"MIXTURA_DOCS_VERSIONS": "1"}, check=True)
    tell(FOLDER)


def tell(folder: Path) -> None:
    """Write what the selector reads, and a page that leads to the newest version."""
    names = [path.parent.name for path in folder.glob("*/index.html")]
    newest, *_ = names = sorted(names, key=order, reverse=True)
    versions = [
        {"version": name, "title": name, "aliases": ["latest"] if name == newest else []}
        for name in names
    ]
    (folder / "versions.json").write_text(json.dumps(versions, indent=2) + "\n", encoding="utf-8")
    (folder / "index.html").write_text(INDEX.format(newest=newest), encoding="utf-8")


def order(name: str) -> list[int]:
    """As versions follow each other: 0.10.0 after 0.9.1, and 1.0.0rc1 before 1.0.0."""
    numbers = [int(part) for part in re.findall(r"\d+", name)]
    return [*numbers[:3], *(numbers[3:] or [sys.maxsize])]


if __name__ == "__main__":
    main()
