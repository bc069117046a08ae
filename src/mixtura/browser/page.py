"""The page: a template, filled with tables, sentences, what the script draws, and the script itself."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from hashlib import sha256
from html import escape
from importlib.resources import files
from string import Template

from mixtura.browser import words
from mixtura.browser.axes import Axes
from mixtura.browser.data import data_of, short, shown_components
from mixtura.browser.rows import ReportedRows
from mixtura.browser.subject import Subject
from mixtura.display.component_table import mean_and_spread, rows_in_words
from mixtura.display.page import Table
from mixtura.drawing.colours import colour
from mixtura.support import language

_HERE = files("mixtura.browser")
_SCRIPTS = ("vendor/d3.min.js", "vendor/plot.min.js", "page/report.js")

# Bytes of a model that has room in the page.
_MOST_BYTES = 400_000

# Where a label is certain, and where it is a guess.
_CERTAIN, _DOUBTFUL = 0.9, 0.6

# Features that are named beside the code.
_MOST_NAMED = 12

_LOAD = """import mixtura

model = mixtura.load("model.safetensors")
model.predict(X)
"""


def page_of(subject: Subject, axes: Axes, rows: ReportedRows | None, version: str) -> str:
    """The whole file."""
    kind = subject.summary._page().title
    title = subject.title or kind
    scripts = [_file(name) for name in _SCRIPTS]
    return Template(_file("page/report.html")).substitute(
        _words(),
        language=language.used(),
        title=escape(title),
        kind="" if title == kind else _paragraphs([kind]),
        policy=_policy(scripts),
        style=_file("page/report.css"),
        facts=_facts(subject),
        alerts=_warnings(subject),
        component_table=_component_table(subject, axes),
        component_notes=_paragraphs(_component_notes(subject)),
        histogram_notes="" if rows is None else _paragraphs([words.say("bars")]),
        row_notes=_paragraphs(_row_notes(subject, axes, rows)),
        certainty=_paragraphs(_certainty(subject, rows)),
        diagnosis=_table(_diagnosis_table(subject)),
        columns_of_the_diagnosis=escape(words.columns_of_the_diagnosis()),
        compared=_compared(subject),
        loading=_loading(subject),
        about_the_page=escape(words.about(version)),
        licences_text=escape(_file("vendor/LICENSES.txt")),
        data=_json(data_of(subject, axes, rows)),
        scripts="\n".join(f"<script>{script}</script>" for script in scripts),
    )


@cache
def _file(name: str) -> str:
    return _HERE.joinpath(name).read_text(encoding="utf-8")


def _words() -> dict[str, str]:
    return {f"say_{name}": escape(text) for name, text in words.page().items()}


def _policy(scripts: Sequence[str]) -> str:
    """What a browser may do for the page: run these scripts, and load nothing from anywhere."""
    digests = (b64encode(sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:"


def _json(data: object) -> str:
    """JSON that ends no script element, whatever the names in it hold."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _facts(subject: Subject) -> str:
    pairs = (
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>"
        for name, value in subject.summary._page().facts
    )
    return f"<dl class=facts>{''.join(pairs)}</dl>"


def _warnings(subject: Subject) -> str:
    verdicts = subject.diagnosis.verdict
    doubtful = [
        int(k) for k in subject.drawn if verdicts[k] not in ("sound", "not judged", "no weight")
    ]
    # Sentences that people search for are in English, whatever the page is in.
    tag = "<li>" if language.used() == language.ENGLISH else '<li lang="en">'
    alerts = [f"{tag}{escape(sentence)}</li>" for sentence in subject.warnings]
    if doubtful:
        said = words.doubtful(doubtful, [verdicts[k] for k in doubtful])
        alerts.append(f"<li>{escape(said)}</li>")
    if not alerts:
        return _paragraphs([words.warned_of_nothing(subject.certainty is not None)])
    return f'<ul class="alerts">{"".join(alerts)}</ul>'


def _component_table(subject: Subject, axes: Axes) -> str:
    """A line a component, which a button chooses; the features are those that are drawn."""
    table = subject.summary._page().table
    assert table is not None
    head = table.lines[0][: table.n_fixed]
    names = [short(subject.summary.feature_names[j]) for j in axes.features]
    lines = [_component_line(subject, axes, k) for k in shown_components(subject).tolist()]
    cells = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    cells += "".join(f'<th scope="col"><bdi>{escape(name)}</bdi></th>' for name in names)
    return (
        f"<table id=components><thead><tr>{cells}</tr></thead>"
        f"<tbody>{''.join(lines)}</tbody></table>"
    )


def _component_line(subject: Subject, axes: Axes, k: int) -> str:
    own = subject.summary.components[k]
    texts = [f"{own.weight:.4f}", rows_in_words(own.expected_rows)]
    texts += [] if own.df is None else [f"{own.df:.3g}"]
    texts += [mean_and_spread(own.mean[j], own.spread[j]) for j in axes.features]
    cells = "".join(f"<td>{escape(text)}</td>" for text in texts)
    button = (
        f'<button type=button data-component="{k}" aria-pressed=false>'
        f'<span class=swatch style="background:{colour(k)}"></span>{k}</button>'
    )
    return f'<tr><th scope="row">{button}</th>{cells}</tr>'


def _component_notes(subject: Subject) -> Iterator[str]:
    yield subject.summary._page().note
    n_shown, n_drawn = len(shown_components(subject)), len(subject.drawn)
    if n_drawn < subject.mixture.n_components:
        yield words.without_rows(subject.mixture.n_components - n_drawn)
    if n_shown < n_drawn:
        yield words.components_left_out(n_shown, n_drawn)
    yield words.say("how_to_choose")


def _row_notes(subject: Subject, axes: Axes, rows: ReportedRows | None) -> Iterator[str]:
    are_pairs = len(axes) > 1
    if rows is None:
        yield words.say("no_rows")
    else:
        yield words.say("how_to_point") if are_pairs else ""
        yield words.sampled(len(rows), rows.n_rows)
        if are_pairs and subject.mixture.n_components > 1:
            yield words.say("paler")
        if are_pairs and rows.missing.any():
            yield words.say("hollow")
        if subject.density.noise is not None:
            yield words.say("noise")
    yield words.say("ellipses") if are_pairs else ""
    yield from axes.notes


def _certainty(subject: Subject, rows: ReportedRows | None) -> Iterator[str]:
    verdicts = set(subject.diagnosis.verdict)
    if verdicts == {"sound"}:
        yield words.nothing_doubtful(subject.mixture.n_components)
    if subject.mixture.n_components == 1 and subject.density.noise is None:
        return
    if subject.certainty is not None:
        yield words.certainty(subject.certainty)
    if rows is not None and len(rows):
        certain, doubtful = rows.certainty >= _CERTAIN, rows.certainty <= _DOUBTFUL
        yield words.certain_rows(float(certain.mean()), float(doubtful.mean()))


def _diagnosis_table(subject: Subject) -> Table:
    table = subject.diagnosis._page().table
    assert table is not None
    shown = set(shown_components(subject).tolist())
    head, *lines = table.lines
    return Table(
        (head, *(line for k, line in enumerate(lines) if k in shown)), table.thing, len(shown)
    )


def _compared(subject: Subject) -> str:
    comparison = subject.comparison
    if comparison is None:
        return ""
    models, table = comparison.models, comparison.table.table
    assert table is not None
    best, n_outside = models.best, int((models.away > models.end).sum())
    notes = [
        words.best_model(
            models.names[best],
            int(models.n_components[best]),
            comparison.criterion.upper(),
            is_lower_better=models.lower,
        )
    ]
    after = [words.models_outside(n_outside)] if n_outside else []
    after += [words.models_without(comparison.n_without)] if comparison.n_without else []
    return (
        f"<section id=comparison><h2>{escape(words.say('comparison'))}</h2>{_paragraphs(notes)}"
        f"<figure id=criterion></figure>{_paragraphs(after)}{_table(table)}</section>"
    )


def _loading(subject: Subject) -> str:
    names = subject.summary.feature_names
    features = words.features_of_the_model([*map(short, names[:_MOST_NAMED])], len(names))
    code = f"<pre><code>{escape(_LOAD)}</code></pre>{_paragraphs([features])}"
    if len(subject.model) > _MOST_BYTES:
        return _paragraphs([words.how_to_load(is_embedded=False)]) + code
    link = (
        '<a class=button download="model.safetensors" href="data:application/octet-stream;base64,'
        f'{b64encode(subject.model).decode()}">{escape(words.say("download"))}</a>'
    )
    return f"{_paragraphs([words.how_to_load(is_embedded=True)])}<p>{link}</p>{code}"


def _paragraphs(sentences: Iterable[str]) -> str:
    return "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences if sentence)


def _table(table: Table) -> str:
    head, *lines = table.lines
    names = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in line)}</tr>" for line in lines
    )
    return (
        f"<div class=wide tabindex=0><table><thead><tr>{names}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )
