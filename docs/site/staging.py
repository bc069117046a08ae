"""What the site needs beside MkDocs: a hook of `mkdocs.yml`.

MkDocs shows one folder. The pages of this repository also stand beside it (README.md, CHANGELOG.md,
benchmarks/), link to its files, and are read on GitHub too, so they stay where they are. Before each build
all that is linked is staged in `build/site-pages`, with links that lead to where pages are now; English pages
without a Spanish twin get one that says so. Equations become MathML, which browsers draw without a script.
"""

from __future__ import annotations

import html
import os
import re
import tomllib
from pathlib import Path, PurePosixPath

from latex2mathml.converter import convert
from mkdocs.plugins import event_priority

ROOT = Path(__file__).resolve().parents[2]
STAGED = ROOT / "build" / "site-pages"

FENCE = re.compile(r"^(?:```.*?^```$)", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?P<before>\]\()(?P<to>[^)\s#]*)(?P<fragment>#[^)\s]*)?(?P<after>\))")
PICTURE = re.compile(r"<img\s[^>]*>")
ATTRIBUTE = re.compile(r'(\w+)="([^"]*)"')
MATHS = re.compile(
    r'<(?P<tag>span|div) class="arithmatex">\\[(\[](?P<tex>.*?)\\[)\]]</(?P=tag)>', re.DOTALL
)

# objects.inv of the English build, which is the first.
INVENTORY: dict[str, bytes] = {}

# Where links to folders lead, which the site does not show: they are taken away.
NOWHERE = "nowhere:"

NOT_TRANSLATED = """!!! note "Esta página aún no está en español"

    Se muestra la versión inglesa. En caso de duda vale siempre la inglesa.

"""
REFERENCE_IN_ENGLISH = """# Referencia

La referencia de cada nombre público está en inglés, que es la lengua de las docstrings: [{name}]({to}).
"""


# Hooks, as MkDocs calls them


def on_config(config):
    """Stage the pages, and build those."""
    stage()
    config.docs_dir = str(STAGED)
    if os.environ.get(
        "MIXTURA_DOCS_VERSIONS"
    ):  # versions.py; without them a selector would ask in vain
        config.extra["version"] = {"provider": "mike"}
    guide = next(item["Guide"] for item in config.nav if "Guide" in item)
    guide += [page.name for page in first_floor() if page.name not in listed(config.nav)]
    return config


def first_floor() -> list[Path]:
    """Return the pages right in docs/: those that nobody has given a place are the last of the guide."""
    return sorted(page for page in (ROOT / "docs").glob("*.md") if not is_spanish(page))


def listed(nav) -> set[str]:
    """Return the pages that a part of the navigation names."""
    if isinstance(nav, str):
        return {nav}
    parts = nav.values() if isinstance(nav, dict) else nav
    return set().union(*map(listed, parts))


def on_page_markdown(markdown, page, **_):
    """Have the search name what teaches a word before the methods that have it in their names."""
    if "learn/" in page.file.src_uri:
        page.meta.setdefault("search", {"boost": 12})
    return markdown


def on_page_content(content, page, **_):
    """Return the page with its equations as MathML, and links to the other language from where it is."""
    content = content.replace('href="site:', 'href="' + "../" * page.url.count("/"))
    content = re.sub(rf'<a href="{NOWHERE}">(.*?)</a>', r"\1", content, flags=re.DOTALL)
    return MATHS.sub(_mathml, content)


def on_post_page(output, **_):
    """Return the page without its links to other languages for machines.

    Material's script asks for a sitemap beside each, which is not there; the switch has links of its own.
    """
    return re.sub(r"<link rel=\"?alternate[^>]*>", "", output)


@event_priority(-30)  # after mkdocstrings has written it
def on_env(env, config, **_):
    """Keep what other projects find our names by: the Spanish build, of no reference, writes an empty one."""
    path = Path(config.site_dir) / "objects.inv"
    if config.theme["language"] == "en":
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        version = f"# Version: {project['version']}\n".encode()
        INVENTORY["en"] = path.read_bytes().replace(b"# Version: 0.0.0\n", version, 1)
    path.write_bytes(INVENTORY["en"])
    return env


def _mathml(match):
    display = "block" if match["tag"] == "div" else "inline"
    tex = html.unescape(match["tex"]).strip()
    return convert(tex, display=display).replace(
        "<math ", f'<math aria-label="{html.escape(tex)}" '
    )


# Staging


def stage() -> None:
    """Write `build/site-pages` anew."""
    paths = linked_from_docs()
    wanted = {}
    for path in paths:
        if path.suffix == ".md":
            wanted[staged(path)] = page_as_staged(path, paths).encode()
        else:
            wanted[staged(path)] = path.read_bytes()
    wanted.update(spanish_of_what_has_none(wanted))
    for old in STAGED.rglob("*"):
        if old.is_file() and PurePosixPath(old.relative_to(STAGED)) not in wanted:
            old.unlink()
    for name, content in wanted.items():
        target = STAGED / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists() or target.read_bytes() != content:
            target.write_bytes(content)


def linked_from_docs() -> set[Path]:
    """Return the files of docs/, and all others that pages among them lead to, one from another."""
    ours = {path for path in (ROOT / "docs").rglob("*") if path.is_file() and belongs(path)}
    found, left = set(), ours
    while left:
        path = left.pop()
        found.add(path)
        if path.suffix == ".md":
            left |= {to for to in files_linked_by(path) if to.is_file()} - found
    return found


def belongs(path: Path) -> bool:
    """Whether the site shows or serves the file: pages, pictures, its style."""
    return path.suffix in {".md", ".png", ".gif", ".svg", ".css", ".webp"}


def files_linked_by(path: Path) -> list[Path]:
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    names = [match["to"] for match in LINK.finditer(text)]
    names += [dict(ATTRIBUTE.findall(tag))["src"] for tag in PICTURE.findall(text)]
    return [resolved(path, name) for name in names if is_of_here(name)]


def is_of_here(name: str) -> bool:
    return bool(name) and not re.match(r"[a-z]+:", name)


def resolved(page: Path, name: str) -> Path:
    return Path(os.path.normpath(page.parent / name))


def staged(path: Path) -> PurePosixPath:
    """Return where a file of the repository is in the site: what is outside docs/ is under project/."""
    name = path.relative_to(ROOT).as_posix()
    if name.startswith("docs/"):
        return PurePosixPath(name.removeprefix("docs/"))
    # MkDocs takes a README.md for an index.
    return PurePosixPath("project", name.replace("README", "readme"))


def is_spanish(path: Path) -> bool:
    return path.name.endswith(".es.md")


def url(path: Path) -> str:
    """Return where the site shows a page."""
    name = staged(path).as_posix()
    if is_spanish(path):
        return "es/" + name.removesuffix(".es.md") + ".html"
    return name.removesuffix(".md") + ".html"


def page_as_staged(path: Path, paths: set[Path]) -> str:
    """Return a page with its pictures as Markdown's, and its links as they are in the site."""
    here = staged(path).parent

    def is_of_the_other_language(to: Path) -> bool:
        if not is_spanish(path):
            return is_spanish(to)
        # A Spanish page leads to English ones of which there is no other: those are shown with a note.
        return to.suffix == ".md" and not is_spanish(to) and to.with_suffix(".es.md") in paths

    def link(match: re.Match[str]) -> str:
        if not is_of_here(match["to"]):
            return match[0]
        to, fragment = resolved(path, match["to"]), match["fragment"] or ""
        if to not in paths:
            return f"]({NOWHERE})"
        if is_of_the_other_language(to):
            return f"](site:{url(to)}{fragment})"
        return f"]({os.path.relpath(staged(to), here)}{fragment})"

    def picture(match: re.Match[str]) -> str:
        of = dict(ATTRIBUTE.findall(match[0]))
        name = os.path.relpath(staged(resolved(path, of["src"])), here)
        width = f'{{ width="{of["width"]}" }}' if "width" in of else ""
        return f"![{of.get('alt', '')}]({name}){width}"

    def prose(text: str) -> str:
        text = PICTURE.sub(picture, LINK.sub(link, text))
        return re.sub(r"^</?p>\n", "\n", text, flags=re.MULTILINE)

    text = path.read_text(encoding="utf-8")
    parts, end = [], 0
    for fence in FENCE.finditer(text):
        parts += [prose(text[end : fence.start()]), fence[0]]
        end = fence.end()
    return "".join([*parts, prose(text[end:])])


def spanish_of_what_has_none(wanted: dict[PurePosixPath, bytes]) -> dict[PurePosixPath, bytes]:
    """Return a page for each English one that has no Spanish twin: the same, with a note."""
    pages = {}
    for name, content in wanted.items():
        twin = name.with_suffix(".es.md")
        if name.suffix != ".md" or name.suffixes[-2:] == [".es", ".md"] or twin in wanted:
            continue
        if name.parts[0] == "reference":
            # Once is enough: a second copy of each name would compete in the search.
            to = f"site:{name.with_suffix('.html')}"
            pages[twin] = REFERENCE_IN_ENGLISH.format(name=name.stem, to=to).encode()
            continue
        first, _, rest = links_to_headings(content.decode(), name, wanted).partition("\n")
        pages[twin] = f"{first}\n\n{NOT_TRANSLATED}{rest}".encode()
    return pages


def links_to_headings(text: str, name: PurePosixPath, wanted: dict[PurePosixPath, bytes]) -> str:
    """Let links to a heading lead to the English page where the Spanish one has other headings."""

    def link(match: re.Match[str]) -> str:
        to = PurePosixPath(os.path.normpath(name.parent / match["to"]))
        if match["fragment"] and to.suffix == ".md" and to.with_suffix(".es.md") in wanted:
            return f"](site:{to.with_suffix('.html')}{match['fragment']})"
        return match[0]

    return LINK.sub(link, text)
