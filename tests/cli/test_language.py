"""The shell in the user's language: complete, in what is shown to people, and in nothing else."""

from __future__ import annotations

import gettext
import importlib
import json
import re

import pytest

from commands import ENVIRONMENT, call, fails, succeeds
from mixtura.datasets import load_faithful
from mixtura.support import language

COMMANDS = (
    *("fit", "select", "predict", "impute", "classify", "regress"),
    *("outliers", "doctor", "sample", "show", "export", "demo"),
)
TRANSLATIONS = [name for name in language.LANGUAGES if name != language.ENGLISH]

# Words that no Spanish sentence has; not in options, files or names of columns.
ENGLISH = re.compile(
    r"(?<![\w./'-])(the|of|and|with|rows|is|are|for|that|which|columns?|files?|required|[Uu]sage|or)(?![\w./'-])"
)


@pytest.fixture
def folder(tmp_path):
    """Old Faithful, with columns that are named like ours."""
    rows = "".join(f"{a:g},{b:g}\n" for a, b in load_faithful().data)
    (tmp_path / "geyser.csv").write_text(f"rows,weight\n{rows}")
    return tmp_path


def texts_of(catalog):
    return {message.id: message.string for message in catalog if message.id}


@pytest.fixture(scope="module")
def catalogue():
    """What keeps catalogues, with Babel, which a user has not."""
    pytest.importorskip("babel")
    return importlib.import_module("mixtura.testing.catalogue")


@pytest.mark.parametrize("name", TRANSLATIONS)
def test_every_text_of_the_code_is_translated(name, catalogue):
    said = texts_of(catalogue.template())
    translated = texts_of(catalogue.catalogue(name))
    assert said.keys() - translated.keys() == set(), "run: make catalogue, and translate"
    assert translated.keys() - said.keys() == set(), "nobody says it any more; run: make catalogue"
    strings = {
        text: (found,) if isinstance(found, str) else found for text, found in translated.items()
    }
    assert not [text for text, found in strings.items() if not all(found)]
    assert len(said) > 250


@pytest.mark.parametrize("name", TRANSLATIONS)
def test_translations_have_the_places_of_the_texts(name, catalogue):
    def places(text):
        return sorted(re.findall(r"\{\w*\}", text))

    for text, found in texts_of(catalogue.catalogue(name)).items():
        if isinstance(text, str):
            assert places(found) == places(text), text
            assert (found[0] == " ", found[-1] == " ") == (text[0] == " ", text[-1] == " "), text


@pytest.mark.parametrize("name", TRANSLATIONS)
def test_what_gettext_reads_is_what_people_edit(name, catalogue):
    compiled = gettext.translation("mixtura", language.FOLDER, [name])
    for text, found in texts_of(catalogue.catalogue(name)).items():
        if isinstance(text, tuple):
            assert [compiled.ngettext(*text, number) for number in (1, 2)] == [*found]
        else:
            assert compiled.gettext(text) == found, "run: make catalogue"


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_in_spanish_has_no_english_in_it(command, tmp_path):
    where = [command] if command else []
    shown = succeeds("--lang", "es", *where, "--help", cwd=tmp_path)
    assert "Uso: mixtura" in shown
    assert ENGLISH.findall(shown) == []
    # The words are found where they are: in English.
    assert len(ENGLISH.findall(succeeds(*where, "--help", cwd=tmp_path))) > 3


@pytest.mark.parametrize(
    ("variables", "found"),
    [
        ({"LANG": "es_ES.UTF-8"}, "es"),
        ({"LC_MESSAGES": "es_MX.UTF-8", "LANG": "en_US.UTF-8"}, "es"),
        ({"LC_ALL": "es_AR@euro", "LC_MESSAGES": "C"}, "es"),
        ({"LC_ALL": "", "LANG": "es"}, "es"),
        ({"LC_ALL": "C.UTF-8", "LANG": "es_ES.UTF-8"}, "C"),
        ({"LANG": "de_DE.UTF-8"}, "de"),
        ({}, "en"),
    ],
)
def test_the_locale_names_the_language(variables, found):
    assert language.of_locale(variables) == found
    language.use(found)
    assert language.translated("rows") == ("filas" if found == "es" else "rows")
    assert language.used() == ("es" if found == "es" else "en")


def test_the_shell_follows_the_locale_and_lang_overrules_it(folder, monkeypatch):
    english = succeeds("fit", "geyser.csv", "-k", "2", cwd=folder)
    monkeypatch.setitem(ENVIRONMENT, "LC_ALL", "es_ES.UTF-8")
    spanish = succeeds("fit", "geyser.csv", "-k", "2", cwd=folder)
    assert spanish != english
    assert spanish == succeeds("--lang", "es", "fit", "geyser.csv", "-k", "2", cwd=folder)
    for arguments in (["--lang", "en", "fit"], ["fit", "--lang", "en"]):
        assert succeeds(*arguments, "geyser.csv", "-k", "2", cwd=folder) == english


def test_summaries_in_spanish_have_the_same_numbers_and_the_users_names(folder):
    english = succeeds("fit", "geyser.csv", "-k", "2", cwd=folder)
    spanish = succeeds("--lang", "es", "fit", "geyser.csv", "-k", "2", cwd=folder)
    assert spanish.startswith("Mezcla gaussiana, 2 componentes, covarianzas completas (full)\n")
    assert re.search(r"^componente +peso +filas +rows +weight$", spanish, re.MULTILINE)
    assert re.search(r"^component +weight +rows +rows +weight$", english, re.MULTILINE)
    numbers = r"-?\d[\d.,]*"
    assert re.findall(numbers, spanish) == re.findall(numbers, english)
    assert ENGLISH.findall(re.sub("rows +weight\n", "", spanish)) == []


def test_other_pages_in_spanish_have_no_english_in_them(folder):
    model = succeeds("fit", "geyser.csv", "-k", "2", "-o", "one", "-q", cwd=folder)
    assert model == ""
    geyser = (folder / "geyser.csv").read_text().splitlines()
    rows = [f"{line},{'ab'[i % 2]}" for i, line in enumerate(geyser[1:])]
    (folder / "groups.csv").write_text("\n".join([f"{geyser[0]},g", *rows]))
    for arguments in (
        ["demo"],
        ["select", "geyser.csv", "-k", "1:2", "--covariance", "EEE", "--no-figure"],
        ["fit", "geyser.csv", "-k", "4", "--bayesian", "--no-figure"],
        ["fit", "groups.csv", "-k", "1", "--by", "g"],
        ["doctor", "geyser.csv"],
        ["show", "one/model.safetensors"],
        ["classify", "groups.csv", "--class", "g"],
        ["regress", "geyser.csv", "--target", "weight"],
        ["outliers", "geyser.csv", "-o", "outliers.csv"],
    ):
        shown = succeeds("--lang", "es", *arguments, cwd=folder)
        assert ENGLISH.findall(re.sub(r"\brows\b(?! x)( +weight)?", "", shown)) == [], arguments
        assert shown != succeeds(*arguments, cwd=folder)


def test_reports_are_in_the_language_of_the_shell_and_beside_json_in_english(folder, monkeypatch):
    with (folder / "geyser.csv").open("a") as file:
        file.write(",70\n1.8,50\n")

    def report(*before, after=()):
        asked = ("fit", "geyser.csv", "-k", "2", "--drop-missing", "-q", "--report", "fit.html")
        succeeds(*before, *asked, *after, cwd=folder)
        page = (folder / "fit.html").read_text(encoding="utf-8")
        return re.sub('base64,[^"]*', "", page)  # the model, whose header has no order

    english, spanish = report("--lang", "en"), report("--lang", "es")
    assert '<html lang="en"' in english
    assert '"row 274"' in english
    assert '<html lang="es"' in spanish
    assert '"fila 274"' in spanish
    assert "<h1>Mezcla gaussiana, 2 componentes, covarianzas completas (full)</h1>" in spanish
    monkeypatch.setitem(ENVIRONMENT, "LC_ALL", "es_ES.UTF-8")
    assert report() == spanish
    assert report(after=["--json"]) == english


def test_what_programs_read_is_english_everywhere(folder):
    arguments = ["select", "geyser.csv", "-k", "1:2", "--covariance", "EEE,VVV", "--json"]
    english = succeeds(*arguments, "-o", "a", cwd=folder)
    spanish = succeeds("--lang", "es", *arguments, "-o", "a", cwd=folder)
    seconds = re.compile(r'"seconds": [\d.e-]+')
    assert seconds.sub("", spanish) == seconds.sub("", english)
    for command in (["show", "a/model.safetensors"], ["doctor", "geyser.csv"]):
        facts = json.loads(succeeds("--lang", "es", *command, "--json", cwd=folder))
        assert facts == json.loads(succeeds(*command, "--json", cwd=folder))
    labels = ["predict", "a/model.safetensors", "geyser.csv"]
    assert succeeds("--lang", "es", *labels, cwd=folder) == succeeds(*labels, cwd=folder)


def test_a_language_that_there_is_not_is_a_sentence(tmp_path):
    said = fails("--lang", "fr", "demo", code=2, cwd=tmp_path)
    assert said == "--lang is 'fr'. Choose from en, es."
    assert call("demo", "--lang", "tlh", cwd=tmp_path).returncode == 2
