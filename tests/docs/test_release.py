"""A tag is published only where it is the version, and the changelog has its part."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

import mixtura

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "packaging" / "release_notes.py"
if not SCRIPT.is_file():
    pytest.skip("needs the repository, not only the installed package", allow_module_level=True)

spec = importlib.util.spec_from_file_location("release_notes", SCRIPT)
script = importlib.util.module_from_spec(spec)
spec.loader.exec_module(script)

PROJECT = '[project]\nname = "mixtura"\nversion = "1.2.0"\n'
CHANGELOG = (
    "# Changelog\n\n## [1.2.0] - 2027-01-31\n\n- New.\n\n## [1.1.0] - 2026-12-01\n\n- Old.\n"
)


def test_the_notes_are_the_part_of_the_changelog():
    assert script.release_notes("v1.2.0", PROJECT, CHANGELOG) == "- New."


@pytest.mark.parametrize(
    ("tag", "changelog", "said"),
    [
        ("v1.1.0", CHANGELOG, "tag v1.2.0"),
        ("1.2.0", CHANGELOG, "tag v1.2.0"),
        ("v1.2.0", CHANGELOG.replace("1.2.0", "1.20"), "no heading"),
        ("v1.2.0", CHANGELOG.replace("2027-01-31", "unreleased"), "put the date"),
    ],
)
def test_another_tag_is_refused(tag, changelog, said):
    with pytest.raises(SystemExit, match=re.escape(said)):
        script.release_notes(tag, PROJECT, changelog)


def test_there_is_one_version():
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert mixtura.__version__ == version("mixtura")
    assert f"## [{stated}]" in (ROOT / "CHANGELOG.md").read_text()
