"""A report as a reader meets it in Chromium: opened from disk, pointed at, clicked, typed at, printed."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris

from browsing import CONTRAST
from mixtura import BayesianGaussianMixture, GaussianMixture, GaussianMixtureSearch
from mixtura.datasets import load_faithful
from mixtura.support import language

pytestmark = pytest.mark.site

FAITHFUL = load_faithful().data
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}
UGLY = [
    "Größe </script><script>alert(1)</script>",
    "عرض",
    "<img src=x onerror=alert(1)>",
    "花\"'&amp;",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("reports")


@pytest.fixture(scope="module")
def faithful(folder):
    model = GaussianMixture(2, random_state=0).fit(FAITHFUL)
    path = folder / "faithful.html"
    names = [f"eruption {i}" for i in range(len(FAITHFUL))]
    model.report(path, FAITHFUL, row_names=names, title="Old Faithful")
    return model, path


@pytest.fixture(scope="module")
def iris(folder):
    X = load_iris(as_frame=True).data
    search = GaussianMixtureSearch(range(1, 5), ["EEE", "VVV", "EII"], random_state=0).fit(X)
    path = folder / "iris.html"
    search.report(path, X)
    return search, path


@pytest.fixture(scope="module")
def spanish(folder):
    X = load_iris().data
    search = GaussianMixtureSearch(range(1, 5), ["EEE", "VVV", "EII"], random_state=0).fit(X)
    path = folder / "spanish.html"
    language.use(language.SPANISH)
    search.report(path, X)
    language.use(language.ENGLISH)
    return path


@pytest.fixture(scope="module")
def ugly(folder):
    """Gaps, noise, t components, rows far out, and names that are markup, Arabic and Chinese."""
    X = load_iris().data.copy()
    rng = np.random.default_rng(0)
    X[rng.random(X.shape) < 0.1] = np.nan
    X = np.vstack([X, rng.uniform(-5, 15, size=(10, 4)), [[1e5, 3.0, 4.0, 1.0]]])
    frame = pd.DataFrame(X, columns=UGLY, index=[f"<b>{i}</b>" for i in range(len(X))])
    model = GaussianMixture(3, noise=True, missing="mar", random_state=0).fit(frame)
    path = folder / "ugly.html"
    model.report(path, frame, title="</title><script>alert(2)</script>")
    return path


class Tab:
    """A page of a browser, with all that went wrong in it and all that it asked for."""

    def __init__(self, context):
        self.page, self.troubles, self.asked = context.new_page(), [], []
        self.page.on("console", lambda said: self.troubles.append(said.text))
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.troubles.append("dialog"), dialog.dismiss()))
        self.page.on("request", lambda request: self.asked.append(request.url))

    def opened(self, path):
        self.page.goto(path.as_uri())
        return self.page

    def points_at(self, i):
        """Move the mouse over a row, and return what is told of it."""
        box = self.page.locator("#scatter svg g[aria-label=dot]").first.locator("circle").nth(i)
        box.scroll_into_view_if_needed()
        place = box.bounding_box()
        self.page.mouse.move(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
        tip = self.page.locator("#scatter g[aria-label=tip] text")
        tip.wait_for()
        return tip.text_content().replace("\u200b", "\n")


@pytest.fixture
def opened(chromium):
    contexts = []

    def tab(**options):
        contexts.append(chromium.new_context(**({"viewport": DESK} | options)))
        return Tab(contexts[-1])

    yield tab
    for context in contexts:
        context.close()


LOCALES = ["en-US", "de-DE", "ar-EG", "he-IL"]


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("viewport", [DESK, PHONE])
def test_it_opens_from_disk_without_an_error_or_a_request(
    opened, faithful, iris, ugly, locale, viewport
):
    for path in (faithful[1], iris[1], ugly):
        tab = opened(locale=locale, viewport=viewport)
        page = tab.opened(path)
        assert page.locator("#scatter circle").count() > 100
        assert tab.asked == [path.as_uri()]
        assert tab.troubles == []
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
        assert page.evaluate("getComputedStyle(document.documentElement).direction") == "ltr"


def test_numbers_are_the_same_in_every_country(opened, faithful):
    said = set()
    for locale in LOCALES:
        tab = opened(locale=locale)
        page = tab.opened(faithful[1])
        said.add((tab.points_at(3), page.locator("#scatter svg").text_content()))
    assert len(said) == 1


@pytest.mark.parametrize("viewport", [DESK, PHONE])
def test_in_spanish_all_that_the_script_says_is_spanish(opened, spanish, viewport):
    tab = opened(locale="es-ES", viewport=viewport)
    page = tab.opened(spanish)
    assert page.evaluate("document.documentElement.lang") == "es"
    assert "componente 0: " in tab.points_at(0)
    tab.page.mouse.down()
    tab.page.mouse.up()
    page.locator("[data-component='0']").click()
    for name in ("#pairs", "#table"):
        page.locator(f"{name} > summary").click()
    said = page.locator("main").inner_text()
    for words in (r"fila \d", "peso ", "media ± desviación típica", "responsabilidad", "densidad"):
        assert re.search(words, said)
    labels = page.locator("#scatter, #scatter svg, #histogram svg, #criterion svg")
    said += " ".join(labels.evaluate_all("all => all.map(one => one.getAttribute('aria-label'))"))
    assert re.findall(r"\b(the|of|and|rows?|component|weight|with|are|is|best)\b", said) == []
    assert tab.troubles == []
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


def test_a_row_tells_its_name_and_responsibilities(opened, faithful):
    model, path = faithful
    tab = opened()
    tab.opened(path)
    likeliest = model.predict_proba(FAITHFUL[:1]).max()
    told = tab.points_at(0)
    assert "eruption 0\n" in told
    assert f"component {model.predict(FAITHFUL[:1])[0]}: {likeliest:.1%}".replace("%", " %") in told
    assert f"x0: {FAITHFUL[0, 0]:g}" in told
    tab.page.mouse.down()
    tab.page.mouse.up()
    assert "eruption 0" in tab.page.locator("#row").inner_text()


FADED = "dots => dots.filter(dot => Number(dot.getAttribute('opacity')) < 0.1).length"


def test_a_component_that_is_chosen_shows_its_rows_and_parameters(opened, faithful):
    model, path = faithful
    page = opened().opened(path)
    button = page.locator("[data-component='1']")
    dots = page.locator("#scatter svg g[aria-label=dot]").first.locator("circle")
    assert dots.evaluate_all(FADED) == 0
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    assert dots.evaluate_all(FADED) == (model.predict(FAITHFUL) == 0).sum()
    said = page.locator("#parameters").inner_text()
    assert f"{model.means_[1, 1]:.2f} ± " in said
    deviations = np.sqrt(np.diag(model.covariances_[1]))
    correlation = model.covariances_[1][0, 1] / deviations.prod()
    assert f"{correlation:.2f}" in said
    page.locator("#all").click()
    assert button.get_attribute("aria-pressed") == "false"
    assert dots.evaluate_all(FADED) == 0
    assert page.locator("#parameters").inner_text() == ""


def test_all_is_done_by_the_keyboard(opened, faithful):
    tab = opened()
    page = tab.opened(faithful[1])
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "theme"
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "scatter":
            break
    page.keyboard.press("ArrowRight")  # the row at the left end
    first = int(FAITHFUL[:, page.evaluate("Number(document.getElementById('x').value)")].argmin())
    row = page.locator("#row")
    assert f"eruption {first}\n" in row.inner_text()
    page.keyboard.press("ArrowRight")
    assert f"eruption {first}\n" not in row.inner_text()
    page.keyboard.press("Enter")
    assert page.locator("[aria-pressed=true]").count() == 1
    page.keyboard.press("Escape")
    assert page.locator("[aria-pressed=true]").count() == 0
    assert row.inner_text() == ""
    button = page.locator("[data-component='0']")
    button.focus()
    page.keyboard.press("Enter")
    assert button.get_attribute("aria-pressed") == "true"
    assert tab.troubles == []


def test_axes_pairs_and_the_table_of_rows(opened, iris):
    search, path = iris
    tab = opened()
    page = tab.opened(path)
    page.select_option("#x", label="sepal length (cm)")
    page.select_option("#y", label="direction 1")
    assert "sepal length (cm)" in page.locator("#scatter svg").text_content()
    page.select_option("#feature", label="petal width (cm)")
    assert "petal width (cm)" in page.locator("#histogram svg").text_content()
    page.locator("#pairs > summary").click()
    pairs = page.locator("#pairs button")
    assert pairs.count() == 6
    pairs.last.click()
    assert page.input_value("#x") == "2"
    assert page.input_value("#y") == "3"
    page.locator("#table > summary").click()
    lines = page.locator("#table tbody tr")
    assert lines.count() == 150
    page.locator("[data-component='0']").click()
    assert lines.count() == (search.predict(load_iris(as_frame=True).data) == 0).sum()
    assert tab.troubles == []


def test_a_tick_of_the_histogram_tells_its_row(opened, faithful):
    page = opened().opened(faithful[1])
    page.select_option("#feature", label="x0")
    tick = page.locator("#histogram g[aria-label=rule] line").nth(6)
    tick.scroll_into_view_if_needed()
    box = tick.bounding_box()
    page.mouse.move(box["x"], box["y"] - 60)
    tip = page.locator("#histogram g[aria-label=tip] text")
    tip.wait_for()
    assert "eruption " in tip.text_content()
    assert "x0: " in tip.text_content()


def test_models_of_a_search_tell_their_criterion(opened, iris):
    search, path = iris
    page = opened().opened(path)
    figure = page.locator("#criterion")
    best = f"{search.best_params_['covariance_type']}, {search.best_params_['n_components']}"
    assert f"best: {best}" in figure.locator("svg").text_content()
    assert {"EEE", "VVV"} <= set(re.findall(r"\w+", figure.locator(".legend").inner_text()))


def test_names_are_text_and_nothing_else(opened, ugly):
    tab = opened()
    page = tab.opened(ugly)
    page.locator("[data-component='0']").click()
    page.locator("#table > summary").click()
    assert "<b>" in tab.points_at(0)
    assert page.title() == "</title><script>alert(2)</script>"
    assert page.locator("img, table b").count() == 0
    for name in UGLY:
        assert name in page.locator("#components").text_content()
    assert tab.troubles == []


def test_hollow_rows_lack_a_feature_and_noise_is_grey(opened, ugly):
    page = opened().opened(ugly)
    dots = page.locator("#scatter svg g[aria-label=dot]").first.locator("circle")
    fills = dots.evaluate_all("dots => dots.map(dot => dot.getAttribute('fill'))")
    assert "none" in fills
    assert "#9A9A9A" in fills
    page.select_option("#x", index=0)
    assert "1 row too far out" in page.locator("#outside").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_are_readable_and_switched(opened, faithful, scheme):
    page = opened(color_scheme=scheme).opened(faithful[1])
    paper = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(paper)
    assert before == {"light": "rgb(255, 255, 255)", "dark": "rgb(23, 24, 27)"}[scheme]
    page.locator("[data-component='1']").click()
    for _ in range(2):
        for of in ("p", "dt", "dd", "thead th", ".note", "pre code", "[data-component='1']"):
            assert page.evaluate(CONTRAST, of) >= 4.5, of
        page.locator("#theme").click()
    assert page.evaluate(paper) == before
    page.locator("#theme").click()
    assert page.evaluate(paper) != before
    ink = page.evaluate("getComputedStyle(document.querySelector('#scatter svg')).color")
    assert ink == page.evaluate("getComputedStyle(document.body).color")


def test_it_prints_black_on_white_without_what_can_be_clicked(opened, faithful, tmp_path):
    page = opened(color_scheme="dark").opened(faithful[1])
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.querySelector('#scatter svg')).color") == (
        "rgb(0, 0, 0)"
    )
    assert not page.locator("#theme").is_visible()
    assert not page.locator("form").first.is_visible()
    page.pdf(path=tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")


def test_pictures_and_fields_have_names_for_who_does_not_see_them(opened, iris):
    page = opened().opened(iris[1])
    names = page.locator("figure svg").evaluate_all("all => all.map(one => one.ariaLabel)")
    assert len([name for name in names if name]) == 3
    assert page.locator("label:has(select)").count() == page.locator("select").count()
    assert page.evaluate("document.documentElement.lang") == "en"
    levels = page.locator("h1, h2, h3").evaluate_all("all => all.map(one => +one.tagName[1])")
    assert levels[0] == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))


def test_without_scripts_the_tables_are_there(opened, faithful):
    page = opened(java_script_enabled=False).opened(faithful[1])
    said = page.locator("main").inner_text()
    assert "Pictures need JavaScript" in said
    assert "54.48 ± 5.80" in said


def test_the_model_is_saved_from_it(opened, faithful, tmp_path):
    import mixtura

    model, path = faithful
    page = opened(accept_downloads=True).opened(path)
    with page.expect_download() as saved:
        page.locator("a[download]").click()
    saved.value.save_as(tmp_path / "model.safetensors")
    loaded = mixtura.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(loaded.means_, model.means_)


@pytest.mark.parametrize("kind", ["one feature", "no rows", "one component", "prior", "many"])
def test_other_fits_are_drawn_too(opened, folder, kind):
    rng, path = np.random.default_rng(0), folder / f"{kind}.html"
    if kind == "one feature":
        GaussianMixture(2, random_state=0).fit(FAITHFUL[:, :1]).report(path, FAITHFUL[:, :1])
    if kind == "no rows":
        GaussianMixture(2, random_state=0).fit(FAITHFUL).report(path)
    if kind == "one component":
        GaussianMixture(1).fit(FAITHFUL).report(path, FAITHFUL)
    if kind == "prior":
        BayesianGaussianMixture(6, random_state=0).fit(FAITHFUL).report(path, FAITHFUL)
    if kind == "many":
        k, d = 80, 30
        means, spreads = rng.normal(size=(k, d)) * 9, np.ones((k, d))
        model = GaussianMixture.from_parameters(
            np.full(k, 1 / k), means, spreads, covariance_type="diag"
        )
        model.report(path, rng.standard_normal((1_000_000, d), dtype=np.float32))
    tab = opened()
    page = tab.opened(path)
    page.locator("[data-component]").first.click()
    assert page.locator("#histogram path").count() > 0
    for name in ("#scatter", "#axes"):
        assert page.locator(name).is_visible() == (kind != "one feature")
    assert tab.troubles == []
