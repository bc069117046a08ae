"""The Spanish pages say what the English ones say."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
if not DOCS.is_dir():
    pytest.skip("needs the repository, not only the installed package", allow_module_level=True)

spec = importlib.util.spec_from_file_location("translations", DOCS / "translations.py")
translations = importlib.util.module_from_spec(spec)
spec.loader.exec_module(translations)

TWINS = [path.relative_to(DOCS).as_posix() for path in translations.translations()]
ENGLISH = [
    "start.md",
    "guide/first-fit.md",
    *(f"learn/{path.name}" for path in DOCS.glob("learn/*.md")),
]


def fences(text):
    return re.findall(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def equations(text):
    return re.findall(r"\$\$.*?\$\$|\$[^$\n]+\$", re.sub(r"(?ms)^```.*?^```$", "", text), re.DOTALL)


def test_start_and_learn_are_there_in_spanish():
    wanted = {name.removesuffix(".md") for name in ENGLISH if not name.endswith(".es.md")}
    assert wanted <= {name.removesuffix(".es.md") for name in TWINS}


@pytest.mark.parametrize("name", TWINS)
def test_the_english_page_is_the_one_that_was_translated(name):
    assert translations.is_current(DOCS / name), (
        "Say in Spanish what has changed, then: python docs/translations.py docs/" + name
    )


def test_a_page_that_changes_without_its_twin_is_told(tmp_path):
    english, spanish = tmp_path / "page.md", tmp_path / "page.es.md"
    english.write_text("One sentence.\n", encoding="utf-8")
    spanish.write_text("Una frase.\n", encoding="utf-8")
    assert not translations.is_current(spanish)
    translations.keep_hash(spanish)
    assert translations.is_current(spanish)
    english.write_text("One sentence, and more.\n", encoding="utf-8")
    assert not translations.is_current(spanish)


@pytest.mark.parametrize("name", TWINS)
def test_both_pages_have_the_same_code_equations_and_pictures(name):
    spanish = (DOCS / name).read_text(encoding="utf-8")
    english = translations.english_of(DOCS / name).read_text(encoding="utf-8")
    assert fences(spanish) == fences(english)
    assert equations(spanish) == equations(english)
    pictures = [
        re.findall(r'src="([^"]+)"|!\[.*?\]\(([^)]+)\)', text) for text in (spanish, english)
    ]
    here = [tuple(path.replace(".es.", ".") for path in pair) for pair in pictures[0]]
    assert here == pictures[1]
    assert len(re.findall("^#+ ", spanish, re.MULTILINE)) == len(
        re.findall("^#+ ", english, re.MULTILINE)
    )
