"""The documents are true: code runs as pasted, what they show comes out, links lead somewhere."""

from __future__ import annotations

import doctest
import importlib.util
import io
import os
import re
import shlex
import subprocess
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import matplotlib
import pytest
from matplotlib import pyplot

import mixtura
from commands import call
from mixtura import export, selection
from mixtura.plots import (
    plot_bound,
    plot_entropy,
    plot_mixture,
    plot_search,
    plot_uncertainty,
    plot_weights,
)

ROOT = Path(__file__).resolve().parents[2]
# Pages whose code goes on from section to section.
CONTINUED = [
    "docs/kinds.md",
    "docs/missing.md",
    "docs/errors.md",
    "docs/uses.md",
    "docs/report.md",
    "docs/inference.md",
]
# README.es.md has the code of README.md, which a test below sees to.
RUN = [
    *("README.md", "docs/differences.md", "docs/priors.md", *CONTINUED),
    *("docs/start.md", "docs/questions.md", "docs/bayesian.md", "docs/export.md"),
    *(
        f"docs/{folder}/{path.name}"
        for folder in ("guide", "learn", "gallery", "coming-from")
        for path in sorted(ROOT.glob(f"docs/{folder}/*.md"))
        if path.name != "index.md" and not path.name.endswith(".es.md")
    ),
]
# `make docs-test` runs the gallery, with the notebooks.
BY_TARGET = [
    pytest.param(page, marks=pytest.mark.site if page.startswith("docs/gallery/") else ())
    for page in RUN
]
PAGES = sorted(
    str(path.relative_to(ROOT))
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")]
)

# Large packages (the group `frameworks`): sections that import one are read where it is installed.
FRAMEWORKS = re.compile(r"^import (torch|jax)$", re.MULTILINE)

# The shell of a reader.
SHELL = {
    "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    "COLUMNS": "80",
    "PYTHONWARNINGS": "error",
}

# Commands that need no shell, but for a file that they write to or read: they are run in this process, as to
# import all takes two seconds. A block of these and of the others named here is read line by line.
PLAIN = re.compile(
    r"^mixtura (?P<arguments>(?:[^|><;&$*?~`'\\]|'[^']*')*?)(?: > (?P<to>\S+)| < (?P<of>\S+))?$"
)
OTHERS = re.compile(r"^(head|cat|ls) [\w./ -]*$")

# Commands that set a machine up: nothing to try in a test.
SET_UP = re.compile(r"^(make|pip|git|cd|python docs/|python examples/|\.venv/bin/)")

# The tests of an installed package have the READMEs beside them, and nothing else of the repository.
in_repository = pytest.mark.skipif(
    not (ROOT / "docs").is_dir(), reason="needs the repository, not only the installed package"
)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: str
    line: int  # of its first line, counted from 1
    section: int  # of which second-level heading
    language: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks_of(page: str) -> list[Block]:
    blocks, section, fence, inside = [], 0, "", []
    for number, line in enumerate(text_of(page).splitlines(), start=1):
        if fence and line == "```":
            text = "".join(f"{part}\n" for part in inside)
            blocks.append(Block(page, number - len(inside), section, fence, text))
            fence, inside = "", []
        elif fence:
            inside.append(line)
        elif line.startswith("```"):
            fence = line.removeprefix("```")
            assert fence, f"{page}:{number}: a fence without a language"
        elif line.startswith("## "):
            section += 1
    assert not fence, f"{page}: the last fence is open"
    return blocks


def headings_of(page: str) -> list[str]:
    prose = re.sub(r"^```.*?^```$", "", text_of(page), flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"^#+ .*$", prose, flags=re.MULTILINE)


# Code


class Reader:
    """Somebody who pastes the blocks of a page, one after the other, in an empty folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.section = -1
        self.namespace: dict[str, object] = {}
        self.output: str | None = None
        self.lacks = False  # the package that this section imports

    def read(self, block: Block) -> None:
        # A recipe stands by itself.
        if block.section != self.section and not (self.namespace and block.page in CONTINUED):
            self.section, self.namespace = block.section, {"__name__": "__main__"}
            needed = FRAMEWORKS.search(block.text)
            self.lacks = needed is not None and importlib.util.find_spec(needed[1]) is None
        if self.lacks:
            return
        match block.language:
            case "python":
                self.output = self._run_python(block)
            case "sh":
                self.output = self._run_shell(block)
            case "text":
                self._compare(block)
            case other:
                raise AssertionError(f"{block.place}: a block of unknown language {other!r}")

    def _run_python(self, block: Block) -> str:
        # Empty lines before it, so that a traceback names the line of the page.
        code = compile("\n" * (block.line - 1) + block.text, block.page, "exec")
        with redirect_stdout(io.StringIO()) as output:
            exec(code, self.namespace)
        return output.getvalue()

    def _run_shell(self, block: Block) -> str | None:
        set_up = [bool(SET_UP.match(line)) for line in block.text.splitlines()]
        assert all(set_up) or not any(set_up), f"{block.place}: part of the block cannot be tried"
        if all(set_up):
            return None
        lines = block.text.splitlines()
        if all(plain_parts(line) or OTHERS.match(line) for line in lines):
            return "".join(self._run_line(block, line) for line in lines)
        return self._run_script(block, block.text)

    def _run_line(self, block: Block, line: str) -> str:
        if OTHERS.match(line):
            return self._run_script(block, line)
        output = ""
        for plain in plain_parts(line):
            output = self._run_command(block, plain, output)
        return output

    def _run_command(self, block: Block, plain: re.Match[str], stdin: str) -> str:
        if plain["of"]:
            stdin = (self.folder / plain["of"]).read_text(encoding="utf-8")
        done = call(
            *shlex.split(plain["arguments"], comments=True), cwd=self.folder, env=SHELL, stdin=stdin
        )
        assert done.returncode == 0, f"{block.place}: {done.stderr}"
        assert done.stderr == "", block.place
        if plain["to"] is None:
            return done.stdout
        (self.folder / plain["to"]).write_text(done.stdout, encoding="utf-8")
        return ""

    def _run_script(self, block: Block, script: str) -> str:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.folder,
            env=os.environ | SHELL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{block.place}: {done.stderr}"
        assert done.stderr == "", block.place
        return done.stdout

    def _compare(self, block: Block) -> None:
        assert self.output is not None, f"{block.place}: output without a block that printed it"
        assert lines_of(block.text) == lines_of(self.output), block.place
        self.output = None


def plain_parts(line: str) -> list[re.Match[str]]:
    """The commands that a line pipes into each other, where none needs a shell."""
    parts = [PLAIN.match(part) for part in line.split(" | ")]
    return [part for part in parts if part] if all(parts) else []


def lines_of(text: str) -> list[str]:
    """Return the lines, without the spaces and empty lines at their ends, which nobody sees."""
    lines = [line.rstrip() for line in text.splitlines()]
    return "\n".join(lines).strip("\n").splitlines()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder, but for the file of the repository that the READMEs name."""
    data = tmp_path / "src/mixtura/datasets/faithful.csv"
    data.parent.mkdir(parents=True)
    data.write_bytes(resources.files("mixtura.datasets").joinpath("faithful.csv").read_bytes())
    monkeypatch.chdir(tmp_path)
    matplotlib.use("agg")
    yield tmp_path
    pyplot.close("all")


@pytest.mark.filterwarnings("ignore:The inplace keyword")  # Dask's use of pandas
@pytest.mark.parametrize("page", BY_TARGET)
def test_the_code_of_a_page_runs_and_prints_what_the_page_shows(page, folder):
    if not (ROOT / page).is_file():
        pytest.skip("the page is not beside these tests of the installed package")
    blocks = blocks_of(page)
    assert any(block.language == "python" for block in blocks)
    reader = Reader(folder)
    for block in blocks:
        reader.read(block)
    if page == "README.md" and (ROOT / ".gitignore").is_file():
        assert not untracked_of_git(folder)


def untracked_of_git(folder):
    """What a clone of the repository would show as new, had a page been followed in it."""
    names = [f"{path.name}/" if path.is_dir() else path.name for path in folder.iterdir()]
    command = ["git", "check-ignore", "--no-index", *names]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return {*names} - {*done.stdout.splitlines()} - {"src/"}


def test_the_tables_of_the_readmes_have_the_same_numbers():
    def numbers(page):
        rows = [line for line in text_of(page).splitlines() if line.startswith("|")]
        together = (re.sub(r"(?<=\d)[.,\s](?=\d)", "", row) for row in rows)
        return [sorted(re.findall(r"\d+", row)) for row in together]

    assert numbers("README.md") == numbers("README.es.md")


def test_numbers_in_spanish_have_their_comma():
    cells = re.findall(r"\| ([\d.,]+) (?:ms|×|MB) ", text_of("README.es.md"))
    assert len(cells) > 20
    assert not [cell for cell in cells if "." in cell or re.search(r",\d{3}", cell)]


def test_the_readmes_have_the_same_code():
    english, spanish = (
        [(block.language, block.text, block.section) for block in blocks_of(page)]
        for page in ("README.md", "README.es.md")
    )
    assert english == spanish


def test_the_readmes_have_the_same_structure():
    def structure(page):
        text = text_of(page)
        levels = [heading.split()[0] for heading in headings_of(page)]
        tables = [line.count("|") for line in text.splitlines() if line.startswith("|")]
        return levels, tables, re.findall(r'src="(\S+)"', text), text.count("\n- ")

    assert structure("README.md") == structure("README.es.md")


@in_repository
def test_the_comparison_in_the_readme_is_what_its_script_prints():
    script = ROOT / "examples" / "compare_with_sklearn.py"
    command = [sys.executable, "-W", "error", str(script), "--quick"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    _, _, *rows = printed.splitlines()
    assert len(rows) >= 8
    shown = text_of("README.md").splitlines()
    for row in rows:
        assert row in shown


# Docstrings


@pytest.mark.parametrize(
    "public",
    [
        *(mixtura.GaussianMixture, mixtura.GaussianMixtureSearch, mixtura.Mixture, mixtura.load),
        *(mixtura.describe, mixtura.scan, mixtura.BayesianGaussianMixture),
        *(mixtura.BayesianGaussianMixture.prune, mixtura.BayesianGaussianMixture.partial_fit),
        *(plot_mixture, plot_search, plot_uncertainty, plot_entropy, plot_weights, plot_bound),
        *(selection.bootstrap_difference, selection.bootstrap_ratio_test, selection.combine),
        *(
            export.to_sklearn,
            export.from_sklearn,
            export.to_mclust,
            export.to_matlab,
            export.to_spark,
        ),
        export.to_json,
    ],
    ids=lambda public: public.__name__,
)
def test_the_examples_in_a_docstring_run(public, folder):
    examples = doctest.DocTestFinder(recurse=False).find(public, public.__name__)
    assert any(example.examples for example in examples)
    for example in examples:
        report = io.StringIO()
        result = doctest.DocTestRunner().run(example, out=report.write)
        assert result.failed == 0, report.getvalue()


# Pages


@in_repository
@pytest.mark.parametrize("page", [page for page in PAGES if page.startswith("docs/")])
def test_included_sources_are_those_of_the_repository(page):
    spec = importlib.util.spec_from_file_location(
        "include_sources", ROOT / "docs/include_sources.py"
    )
    include_sources = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(include_sources)
    text = text_of(page)
    if page == "docs/architecture.md":
        assert "src/mixtura/covariance/diag.py" in include_sources.included_files(text)
    assert include_sources.refreshed(text) == text, "run: python docs/include_sources.py"


def anchor(heading: str) -> str:
    """The fragment that GitHub gives a heading."""
    words = re.sub(r"[^\w\- ]", "", heading.lstrip("# ").lower())
    return words.replace(" ", "-")


@in_repository
@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    text = re.sub(r"^```.*?^```$", "", text_of(page), flags=re.MULTILINE | re.DOTALL)
    links = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'(?:src|href)="([^"]+)"', text)
    for link in links:
        if link.startswith(("http://", "https://")):
            continue
        path, _, fragment = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), f"{page} links to {link}"
        if fragment:
            name = str(target.resolve().relative_to(ROOT))
            assert fragment in [anchor(heading) for heading in headings_of(name)], link


# A path, in backquotes with whatever follows it, or of a program in a command; `*` stands for any name,
# `<date>` for what a reader fills in.
FOLDERS = r"(?:src|cpp|tests|benchmarks|docs|examples|\.ci)/"
PATHS = re.compile(rf"`({FOLDERS}[\w./*-]*)|(?:python|bash|pytest) ({FOLDERS}\S+\.\w+)")


@in_repository
@pytest.mark.parametrize("page", PAGES)
def test_paths_that_are_named_exist(page):
    for in_backquotes, in_a_command in PATHS.findall(text_of(page)):
        path = in_backquotes or in_a_command
        assert any(ROOT.glob(path.rstrip("/"))), f"{page} names {path}"


@in_repository
def test_the_changelog_has_this_version():
    headings = headings_of("CHANGELOG.md")
    assert any(heading.startswith(f"## [{mixtura.__version__}]") for heading in headings)
