"""The built site, as a reader meets it: `make docs-test`. Those that look at it need Chromium."""

from __future__ import annotations

import importlib.util
import json
import threading
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import mixtura
from browsing import CONTRAST

DOCS = Path(__file__).resolve().parents[2] / "docs"
SITE = DOCS.parent / "build" / "site"
ALL = sorted(path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html"))
PAGES = [name for name in ALL if name != "404.html"]  # which has no place of its own
# But for English pages that are shown once more among the Spanish ones.
WRITTEN = [
    name
    for name in PAGES
    if not name.startswith("es/")
    or (DOCS / name.removeprefix("es/").replace(".html", ".es.md")).is_file()
]
PHONE = {"width": 390, "height": 844}

pytestmark = pytest.mark.site


def test_there_is_a_site():
    assert "start.html" in PAGES, "run: make docs"
    assert "es/start.html" in PAGES


# Without a browser


class Page(HTMLParser):
    """What a page links to, what it loads, and which fragments it has."""

    def __init__(self, name):
        super().__init__()
        self.links, self.loads, self.without_text, self.ids = [], [], [], set()
        self.feed((SITE / name).read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        of = dict(attrs)
        self.ids |= {of[key] for key in ("id", "name") if of.get(key)}
        if tag == "a" and of.get("href"):
            self.links.append(of["href"])
        if tag in ("img", "script", "source") and of.get("src"):
            self.loads.append(of["src"])
        if tag == "link" and of.get("rel") not in ("canonical", "alternate"):
            self.loads.append(of["href"])
        if tag == "img" and not of.get("alt"):
            self.without_text.append(of.get("src"))


@pytest.fixture(scope="module")
def pages():
    return {name: Page(name) for name in PAGES}


def target_of(page, link):
    """The file of the site that a link of a page leads to."""
    path = unquote(urlsplit(link).path)
    # What 404.html has, wherever it is shown, begins at the top.
    base = SITE if path.startswith("/") else (SITE / page).parent
    target = (base / path.lstrip("/")).resolve() if path else SITE / page
    return target / "index.html" if target.is_dir() else target


def test_every_link_and_picture_leads_somewhere(pages):
    lost = []
    for name, page in pages.items():
        for link in [*page.links, *page.loads]:
            if urlsplit(link).scheme in ("http", "https", "mailto", "data"):
                continue
            target = target_of(name, link)
            fragment = unquote(urlsplit(link).fragment)
            if not target.is_file():
                lost.append((name, link))
            elif fragment and target.suffix == ".html":
                known = pages[target.relative_to(SITE).as_posix()].ids
                if fragment not in known and not fragment.startswith("__"):
                    lost.append((name, link))
    assert not lost


def test_nothing_comes_from_another_host(pages):
    for name, page in pages.items():
        assert not [load for load in page.loads if urlsplit(load).netloc], name


def test_every_picture_says_what_it_shows(pages):
    for name, page in pages.items():
        assert not page.without_text, name


def test_each_page_is_there_in_both_languages():
    english = {name for name in PAGES if not name.startswith("es/")}
    assert english == {name.removeprefix("es/") for name in PAGES if name.startswith("es/")}


def test_other_projects_find_our_names(pages):
    """By intersphinx, which reads objects.inv: `:class:`mixtura.GaussianMixture`` leads to our page."""
    sphobjinv = pytest.importorskip("sphobjinv")
    inventory = sphobjinv.Inventory(str(SITE / "objects.inv"))
    assert (inventory.project, inventory.version) == ("mixtura", mixtura.__version__)
    found = {entry.name: entry for entry in inventory.objects if entry.domain == "py"}
    names = [f"mixtura.{name}" for name in mixtura.__all__ if name != "__version__"]
    for name in [*names, "mixtura.GaussianMixture.fit", "mixtura.plots.plot_mixture"]:
        page, _, fragment = found[name].uri_expanded.partition("#")
        assert page.startswith("reference/"), name
        assert fragment in pages[page].ids, name
    assert found["mixtura.GaussianMixture"].role == "class"


# In Chromium


@pytest.fixture(scope="module")
def address():
    handler = partial(Quiet, directory=SITE)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def tab(chromium):
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    yield context.new_page()
    context.close()


LOOKS = """() => [
  document.documentElement.scrollWidth,
  parseFloat(getComputedStyle(document.querySelector('.md-content p')).fontSize),
  [...document.images].filter(image => image.complete && !image.naturalWidth).length,
]"""


def test_pages_load_without_an_error_and_fit_a_phone(chromium, address):
    context = chromium.new_context(viewport=PHONE, is_mobile=True, device_scale_factor=2)
    tab, troubles, wide, small = context.new_page(), [], {}, {}
    tab.on("console", lambda said: troubles.append(said.text) if said.type == "error" else None)
    tab.on("pageerror", lambda error: troubles.append(str(error)))
    tab.on("response", lambda got: troubles.append(got.url) if got.status >= 400 else None)
    for name in WRITTEN:
        tab.goto(address + name)
        width, letters, empty = tab.evaluate(LOOKS)
        assert (empty, troubles) == (0, []), name
        if width > PHONE["width"]:
            wide[name] = width
        if letters < 14:
            small[name] = letters
    context.close()
    assert (wide, small) == ({}, {})


@pytest.mark.parametrize(
    ("begin", "word", "found"),
    [
        ("index.html", "responsibilities", "/learn/responsibilities.html"),
        ("index.html", "fit_many", "/reference/estimators.html"),
        ("es/index.html", "verosimilitud", "/es/learn/"),
        ("es/index.html", "responsabilidades", "/es/learn/responsibilities.html"),
    ],
)
def test_the_search_finds(tab, address, begin, word, found):
    tab.goto(address + begin)
    tab.locator("input.md-search__input").first.fill(word)
    results = tab.locator(".md-search-result__link")
    results.first.wait_for()
    links = [results.nth(i).get_attribute("href") for i in range(min(results.count(), 8))]
    assert any(found in link for link in links), links


@pytest.mark.parametrize("name", ["learn/em.html", "start.html", "kinds.html"])
def test_the_language_switch_keeps_the_page(tab, address, name):
    tab.goto(address + name)
    tab.locator(".md-header [hreflang=es]").evaluate("link => link.click()")
    tab.wait_for_url(f"**/es/{name}")
    assert tab.evaluate("document.documentElement.lang") == "es"
    tab.locator(".md-header [hreflang=en]").evaluate("link => link.click()")
    tab.wait_for_url(lambda url: url.endswith(name) and "/es/" not in url)


def test_a_page_without_a_translation_says_so(tab, address):
    tab.goto(address + "es/kinds.html")
    assert "aún no está en español" in tab.locator(".md-content").inner_text()
    tab.goto(address + "es/learn/em.html")
    assert "aún no está en español" not in tab.locator(".md-content").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out(chromium, address, scheme):
    context = chromium.new_context(color_scheme=scheme)
    tab = context.new_page()
    tab.goto(address + "learn/em.html")
    dark = tab.evaluate("document.body.dataset.mdColorScheme") == "slate"
    contrast = [tab.evaluate(CONTRAST, of) for of in (".md-content p", ".md-content pre code")]
    context.close()
    assert dark == (scheme == "dark")
    assert min(contrast) >= 4.5  # WCAG 2.2, AA


def test_the_selector_hears_of_all_versions_the_newest_first(tmp_path):
    spec = importlib.util.spec_from_file_location("versions", DOCS / "site" / "versions.py")
    versions = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(versions)
    for name in ("0.9.1", "0.10.0rc1", "0.10.0", "0.2.0"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "index.html").touch()
    versions.tell(tmp_path)
    told = json.loads((tmp_path / "versions.json").read_text())
    assert [one["version"] for one in told] == ["0.10.0", "0.10.0rc1", "0.9.1", "0.2.0"]
    assert [one["aliases"] for one in told] == [["latest"], [], [], []]
    assert "url=0.10.0/index.html" in (tmp_path / "index.html").read_text()
