"""What carries the project on: what make says of itself, files that agree, forms, hooks, decisions."""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import yaml

from products import product

ROOT = Path(__file__).resolve().parents[2]
if not (ROOT / "docs").is_dir():
    pytest.skip("needs the repository, not only the installed package", allow_module_level=True)

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))


def read_yaml(name):
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def text_of(name):
    return (ROOT / name).read_text(encoding="utf-8")


# make


def targets():
    (names,) = re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    return names.split()


@pytest.mark.skipif(not shutil.which("make"), reason="no make")
@pytest.mark.parametrize("arguments", [(), ("help",)], ids=["make", "make help"])
def test_make_says_of_each_target_what_it_does(arguments):
    command = ["make", "--no-print-directory", *arguments]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    lines = [re.fullmatch(r"make (\S+) +(\S.*)", line) for line in shown.splitlines()]
    assert sorted(line[1] for line in lines) == sorted(targets())


@pytest.mark.parametrize("page", ["README.md", "README.es.md", "CONTRIBUTING.md"])
def test_targets_that_a_page_names_are_there(page):
    named = re.findall(r"(?:`|^)make ((?:[a-z-]+ ?)+)(?=[`\s])", text_of(page), re.MULTILINE)
    assert named
    assert {name for names in named for name in names.split()} <= {*targets()}


def test_the_quick_tests_are_of_every_room():
    (files,) = re.findall(r"^QUICK_TESTS := ((?:.*\\\n)*.*)$", MAKEFILE, re.MULTILINE)
    files = files.replace("\\\n", " ").split()
    assert all((ROOT / "tests" / f"{name}.py").is_file() for name in files)
    rooms = {path.parent.name for path in ROOT.glob("src/mixtura/*/__init__.py")}
    # What these two do is seen in the pictures and in all that is tested beside the oracle.
    assert rooms - {"drawing", "testing"} <= {name.split("/")[0] for name in files}


def test_of_a_product_of_cases_each_value_occurs_by_day_and_all_at_night():
    letters, sizes = "abcde", [1, 2, 3]
    cases = product(letters, sizes)
    assert [case.values for case in cases] == list(itertools.product(letters, sizes))
    by_day = [case.values for case in cases if not case.marks]
    assert len(by_day) == 5
    assert {letter for letter, _ in by_day} == {*letters}
    assert {size for _, size in by_day} == {*sizes}
    assert {mark.name for case in cases for mark in case.marks} == {"nightly"}


# Versions and dependencies


def test_the_citation_says_what_the_package_says_of_itself():
    citation = read_yaml("CITATION.cff")
    for ours, theirs in [
        ("title", "name"),
        ("version", "version"),
        ("abstract", "description"),
        ("license", "license"),
        ("keywords", "keywords"),
        ("authors", "authors"),
    ]:
        assert citation[ours] == PROJECT[theirs], ours
    assert citation["cff-version"] == "1.2.0"
    assert citation["message"]


def requirements(lines):
    """By name; conda calls PyTorch, and matplotlib without a window system, otherwise."""
    found = dict(
        re.fullmatch(r"([\w-]+?)(?:\[.*\])? ?((?:>=|<|,|[\d.])*)", line).groups() for line in lines
    )
    ours = {"matplotlib-base": "matplotlib", "pytorch": "torch"}
    return {ours.get(name, name): version for name, version in found.items()}


def test_the_conda_recipe_asks_for_what_the_package_asks_for():
    recipe = read_yaml("packaging/conda/recipe.yaml")
    asked = recipe["requirements"]
    assert recipe["context"]["version"] == PROJECT["version"]
    assert recipe["about"]["summary"] == PROJECT["description"]
    assert recipe["about"]["license"] == PROJECT["license"]
    assert recipe["about"]["license_file"] == PROJECT["license-files"]
    (command,) = recipe["build"]["python"]["entry_points"]
    assert command.split(" = ") == ["mixtura", PROJECT["scripts"]["mixtura"]]
    assert requirements(asked["run"]) == {"python": ""} | requirements(PROJECT["dependencies"])
    tools = requirements(asked["host"])
    assert {**tools, "python": "", "pip": ""} == tools
    assert (
        tools.keys() - {"python", "pip"}
        == requirements(PYPROJECT["build-system"]["requires"]).keys()
    )
    for name, version in requirements(PYPROJECT["build-system"]["requires"]).items():
        assert tools[name] == version
    extras = PROJECT["optional-dependencies"]
    wanted = requirements(line for name in extras if name != "all" for line in extras[name])
    assert requirements(asked["run_constraints"]) == wanted
    (shell,) = (test["requirements"]["run"] for test in recipe["tests"] if "script" in test)
    assert requirements(shell) == requirements(extras["cli"])


# Forms of issues and changes

# https://docs.github.com/en/communities/using-templates-to-encourage-useful-issues-and-pull-requests
KINDS = {"markdown", "textarea", "input", "dropdown", "checkboxes"}


@pytest.mark.parametrize(
    "form", [form for form in FORMS if form.stem != "config"], ids=lambda f: f.stem
)
def test_a_form_is_one_that_github_shows(form):
    said = yaml.safe_load(form.read_text(encoding="utf-8"))
    assert said.keys() <= {"name", "description", "title", "labels", "assignees", "body"}
    assert said["name"]
    assert said["description"]
    ids = [part["id"] for part in said["body"]]
    assert len(set(ids)) == len(ids)
    for part in said["body"]:
        assert part.keys() <= {"type", "id", "attributes", "validations"}
        assert part["type"] in KINDS
        assert part["attributes"]["label"]
        assert part.get("validations", {}).keys() <= {"required"}
    assert any(part.get("validations", {}).get("required") for part in said["body"])


def test_there_are_forms_for_what_is_wrong_slow_and_missing():
    assert {form.stem for form in FORMS} == {"wrong", "slow", "missing", "config"}
    assert isinstance(read_yaml(".github/ISSUE_TEMPLATE/config.yml")["blank_issues_enabled"], bool)
    assert "- [ ] " in text_of(".github/PULL_REQUEST_TEMPLATE.md")


# Hooks, and the first change


def test_hooks_run_what_is_there():
    (local,) = read_yaml(".pre-commit-config.yaml")["repos"]
    assert len(local["hooks"]) >= 7
    for hook in local["hooks"]:
        program, *arguments = hook["entry"].split()
        if program.startswith(".venv/bin/"):
            assert shutil.which(Path(program).name, path=Path(sys.executable).parent), hook["id"]
        else:
            assert shutil.which(ROOT / program), hook["id"]
        for argument in arguments:
            if argument.endswith(".py"):
                assert (ROOT / argument).is_file(), hook["id"]


def patches():
    return re.findall(r"^```diff\n(.*?)^```$", text_of("CONTRIBUTING.md"), re.MULTILINE | re.DOTALL)


@pytest.mark.skipif(not shutil.which("git"), reason="no git")
@pytest.mark.parametrize("number", range(2))
def test_the_first_change_of_a_contributor_can_be_made(number):
    """In a clone where somebody has made it, it can be taken back."""

    def fits(*options):
        command = ["git", "apply", "--check", *options]
        return subprocess.run(command, cwd=ROOT, input=patches()[number], text=True, check=False)

    assert len(patches()) == 2
    assert fits().returncode == 0 or fits("--reverse").returncode == 0


def test_the_first_change_does_what_it_says():
    """The method by itself, of a class that has no more than it asks for."""
    added = [line[1:] for line in patches()[1].splitlines() if re.match(r"\+(?!\+)", line)]
    head = "from __future__ import annotations\nimport numpy as np\nclass With:\n"
    namespace = {}
    exec(head + "\n".join(added), namespace)

    class Mixture(namespace["With"]):
        spreads = np.array([[2.0, 5.0]])

        def covariance_matrices(self):
            return np.array([[[4.0, 2.5], [2.5, 25.0]]])

    assert Mixture().correlations().tolist() == [[[1.0, 0.25], [0.25, 1.0]]]


# Decisions


def test_every_decision_has_a_line_and_a_place_in_the_site():
    index = text_of("docs/decisions/index.md")
    nav = text_of("mkdocs.yml")
    pages = [path.name for path in ROOT.glob("docs/decisions/*.md") if path.name != "index.md"]
    assert len(pages) >= 3
    for page in pages:
        assert f"]({page})" in index
        assert f"decisions/{page}" in nav
    for page in ("decisions/index.md", "stability.md"):
        assert page in nav
