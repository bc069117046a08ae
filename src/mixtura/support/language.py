"""The language in which the shell shows results: English, or one that mixtura/locale has a catalogue of.

In Python results are shown in English, and so is what programs read: JSON, tables, names in files. A text is
marked where it is written, `_("components")`; mixtura/testing/catalogue.py collects them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from gettext import NullTranslations, translation
from pathlib import Path

#: Where catalogues lie: compiled ones, which gettext reads, beside those that people edit.
FOLDER = Path(__file__).resolve().parents[1] / "locale"

ENGLISH, SPANISH = "en", "es"
LANGUAGES = (ENGLISH, SPANISH)

# As in the C library the first that is set decides.
_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")

_catalogue = NullTranslations()


def use(language: str) -> None:
    """Show results in this language from now on, in English where there is no catalogue of it."""
    global _catalogue
    _catalogue = translation("mixtura", FOLDER, [language], fallback=True)


def used() -> str:
    """Return the language in which results are shown."""
    return _catalogue.info().get("language", ENGLISH)


def of_locale(environment: Mapping[str, str] = os.environ) -> str:
    """Return the language of the user's locale, such as 'es' of es_MX.UTF-8."""
    values = (environment.get(name) for name in _VARIABLES)
    return next((re.split("[_.@]", value)[0] for value in values if value), ENGLISH)


def translated(text: str) -> str:
    """Return a text in the language that is used, or as it is where the catalogue lacks it."""
    if not text:  # in a catalogue the empty text is its header
        return text
    found = _catalogue.gettext(text)
    # A word that is counted elsewhere has a singular, which gettext finds by itself from Python 3.13 on.
    return found if found != text else _catalogue.ngettext(text, text, 1)


def counted(number: int, one: str, several: str) -> str:
    """Return the word for so many of a thing: one or the other, as the language counts."""
    return _catalogue.ngettext(one, several, number)


def marked(text: str) -> str:
    """Return the text itself, which is shown translated elsewhere and has to be in the catalogues."""
    return text
