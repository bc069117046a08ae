"""The reference has every public name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import mixtura
from mixtura import datasets, export, plots, selection

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="needs the repository, not only the package")
def test_every_public_name_is_there_once():
    pages = "\n".join(path.read_text(encoding="utf-8") for path in REFERENCE.glob("*.md"))
    names = re.findall(r"^::: (\S+)$", pages, re.MULTILINE)
    public = [f"mixtura.{name}" for name in mixtura.__all__ if name != "__version__"]
    for module in (plots, selection, datasets, export):
        public += [f"{module.__name__}.{name}" for name in module.__all__]
    assert sorted(names) == sorted(public)
