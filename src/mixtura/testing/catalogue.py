"""Keep the catalogues of mixtura/locale up with the code: `make catalogue`, when its texts changed.

Texts are those that Babel finds marked in the sources (`_("...")` and the names below), those of help, which
the commands themselves tell, and those that a report's page knows by name, which are a table. What is new
comes into `mixtura.po` without a translation, for somebody to write; what nobody says any more goes;
`mixtura.mo` is compiled from it. That is kept beside it, as what gettext reads: a wheel then needs no tool to
be built. Needs Babel.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from mixtura.browser.words import PAGE
from mixtura.support.language import ENGLISH, FOLDER, LANGUAGES, use

#: Functions whose arguments are texts: the number of the argument; of what is counted twice, one and several.
MARKS: dict[str, Any] = {
    "_": None,
    "counted": (2, 3),
    "marked": None,
    "number_of": (2, 2),
    "Table": (2, 2),
    "Output": (1,),
    "progress_of_rows": (2,),
    "steps_shown": (1,),
}


_HEADER = """msgid ""
msgstr ""
"Language: {language}\\n"
"Plural-Forms: {plurals}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""


def template() -> Catalog:
    """All texts of the code, without translations."""
    found = Catalog(project="mixtura", charset="utf-8", fuzzy=False)
    package = Path(__file__).resolve().parents[1]
    for _, _, text, _, _ in extract_from_dir(package, [("**.py", "python")], keywords=MARKS):
        found.add(text)
    for text in (*texts_of_help(), *PAGE.values()):
        found.add(text)
    return found


def texts_of_help() -> Iterator[str]:
    """What the help of all commands says."""
    import typer

    from mixtura.cli import help_texts
    from mixtura.cli.app import app

    use(ENGLISH)
    group: Any = typer.main.get_command(app)
    for command in (group, *group.commands.values()):
        context = command.make_context("mixtura", [], resilient_parsing=True)
        for _, _, text in help_texts.texts(command, context):
            yield text
        for _, _, text in help_texts.metavars(command, context):
            yield from help_texts.words_of(text)


def path_of(language: str, ending: str = "po") -> Path:
    """The catalogue of a language: `po` is edited, `mo` compiled."""
    return FOLDER / language / "LC_MESSAGES" / f"mixtura.{ending}"


def catalogue(language: str) -> Catalog:
    """The catalogue as it is written."""
    with path_of(language).open("rb") as file:
        return read_po(file, locale=language)


def refreshed(old: Catalog, texts: Catalog) -> Catalog:
    """The catalogue with the texts that the code has now; those that are new have no translation yet."""
    old.update(texts, no_fuzzy_matching=True)
    old.obsolete.clear()
    return old


def as_text(catalog: Catalog) -> bytes:
    """The file that people edit; without dates, so that it changes with the texts alone."""
    file = BytesIO()
    write_po(file, catalog, width=110, no_location=True, sort_output=True, omit_header=True)
    header = _HEADER.format(language=catalog.locale, plurals=catalog.plural_forms)
    return header.encode() + file.getvalue()


def compiled(catalog: Catalog) -> bytes:
    """The file that gettext reads."""
    file = BytesIO()
    write_mo(file, catalog)
    return file.getvalue()


def main() -> int:
    """Write all catalogues anew; 1 where a translation is missing."""
    texts, n_missing = template(), 0
    for language in LANGUAGES:
        if language == ENGLISH:
            continue
        catalog = refreshed(catalogue(language), texts)
        path_of(language).write_bytes(as_text(catalog))
        path_of(language, "mo").write_bytes(compiled(catalog))
        for message in catalog:
            if message.id and not message.string:
                n_missing += 1
                print(f"{path_of(language)}: no translation of {message.id!r}")
    return 1 if n_missing else 0


if __name__ == "__main__":
    sys.exit(main())
