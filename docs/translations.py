"""Keep the Spanish pages up with the English ones.

    python docs/translations.py --check           # name those whose English page has changed
    python docs/translations.py docs/start.es.md  # it says the same again: keep the English page's hash

A Spanish page ends with the hash of the English page that it translates.
"""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
MARK = re.compile(r"\n*<!-- Traducción de \S+, sha256 (?P<hash>[0-9a-f]*) -->\n*$")


def translations() -> list[Path]:
    """Return the Spanish pages; the first one, links for Spanish readers, translates none."""
    return sorted({*DOCS.rglob("*.es.md")} - {DOCS / "index.es.md"})


def english_of(spanish: Path) -> Path:
    """Return the page that one translates."""
    return spanish.with_name(spanish.name.removesuffix(".es.md") + ".md")


def hash_of(english: Path) -> str:
    return hashlib.sha256(english.read_bytes()).hexdigest()[:16]


def is_current(spanish: Path) -> bool:
    """Whether the English page is the one that was translated."""
    found = MARK.search(spanish.read_text(encoding="utf-8"))
    return found is not None and found["hash"] == hash_of(english_of(spanish))


def keep_hash(spanish: Path) -> None:
    english = english_of(spanish)
    text = MARK.sub("", spanish.read_text(encoding="utf-8")).rstrip("\n")
    mark = f"<!-- Traducción de {english.name}, sha256 {hash_of(english)} -->"
    spanish.write_text(f"{text}\n\n{mark}\n", encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Check all, or keep the hashes of some."""
    if arguments != ["--check"]:
        for name in arguments:
            keep_hash(Path(name))
        return 0
    old = [page for page in translations() if not is_current(page)]
    for page in old:
        print(f"{page.relative_to(DOCS.parent)}: {english_of(page).name} has changed since")
    return 1 if old else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
