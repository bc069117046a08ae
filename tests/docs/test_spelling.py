"""The words of the Spanish pages; the hook before a commit looks at those of a changed page."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
if not (ROOT / "docs").is_dir():
    pytest.skip("needs the repository, not only the installed package", allow_module_level=True)


@pytest.fixture(scope="module")
def spelling():
    pytest.importorskip("spylls")
    spec = importlib.util.spec_from_file_location("spelling", ROOT / "docs" / "spelling.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if not module.DICTIONARY.with_suffix(".dic").is_file():
        pytest.skip("needs a dictionary (apt install hunspell-es)")
    return module


def test_spanish_pages_have_words_that_are_known(spelling, capsys):
    assert spelling.main([]) == 0, capsys.readouterr().out


def test_a_word_that_is_misspelt_is_told(spelling):
    page = (
        "Una mezlca de tres gausianas, `unda` y $sigma$ ([así](docs/vizj.md)).\n\n```sh\nunx\n```\n"
    )
    assert spelling.unknown_words(page) == ["gausianas", "mezlca"]
