"""Every error and warning has its cause and its cure in docs/questions.md."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest

from mixtura import errors
from mixtura.fitting.warnings import _REMEDIES

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "questions.md"
if not PAGE.is_file():
    pytest.skip("needs the repository, not only the installed package", allow_module_level=True)

CLASSES = [value for _, value in inspect.getmembers(errors, inspect.isclass)]
TEXT = PAGE.read_text(encoding="utf-8")
SECTIONS = {part.partition("\n")[0]: part for part in re.split("^## ", TEXT, flags=re.MULTILINE)}
# What messages say, between quotation marks; `...` stands for what differs.
QUOTED = re.findall(r'"([^"\n]{8,})"', re.sub(r"`[^`]*`|^```.*?^```$", "", TEXT, flags=re.M | re.S))


def sources():
    for path in [*ROOT.glob("src/mixtura/**/*.py"), *ROOT.glob("cpp/**/*.cpp")]:
        yield path, path.read_text(encoding="utf-8")


def words(call):
    """What the first argument of a call says for sure: None where it is a variable."""
    parts = [part.value for part in ast.walk(call.args[0]) if isinstance(part, ast.Constant)]
    return " ... ".join(part for part in parts if isinstance(part, str)) or None


def literal_warnings():
    """Warnings whose sentence stands where it is given; what commands say are notes."""
    for path, text in sources():
        if path.suffix != ".py" or "cli" in path.parts:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "warnings.warn":
                said = words(node)
                if said and len(said) > 20:
                    yield pytest.param(said, id=f"{path.name}:{node.lineno}")


@pytest.mark.parametrize("error", CLASSES, ids=lambda error: error.__name__)
def test_every_class_has_a_section_and_leads_there(error):
    (heading,) = [heading for heading in SECTIONS if heading.startswith(f"{error.__name__}:")]
    assert "*Cure" in SECTIONS[heading]
    assert "docs/questions.md" in error.__doc__
    anchor = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
    reference = (ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")
    assert f"[{error.__name__}](../questions.md#{anchor})" in reference


@pytest.mark.parametrize("said", list(literal_warnings()))
def test_every_warning_is_quoted(said):
    parts = [[part.strip() for part in quoted.split("...")] for quoted in QUOTED]
    assert any(all(part in said for part in of_one) for of_one in parts), said


@pytest.mark.parametrize("kind", list(_REMEDIES))
def test_every_kind_of_doubt_is_told(kind):
    shown = {"thinner than recorded": "thinner than the steps", "coincident": "are the same"}
    assert f'"{shown.get(kind, kind)}"' in TEXT


@pytest.mark.parametrize("quoted", QUOTED)
def test_what_is_quoted_is_what_the_code_says(quoted):
    code = " ".join(re.sub(r'"\s*\n?\s*[rf]?"', "", text) for _, text in sources())
    for part in quoted.split("..."):
        assert part.strip() in code, part
