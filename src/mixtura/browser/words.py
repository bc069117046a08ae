"""All sentences of a report that no summary, diagnosis or warning says already, in the language used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from mixtura.display.page import number_of
from mixtura.fitting.diagnosis import verdict_in_words
from mixtura.support.language import counted
from mixtura.support.language import translated as _

#: Of the page itself, in English, by the names that the template and the script know.
PAGE: Mapping[str, str] = MappingProxyType(
    {
        "theme": "Light or dark",
        "without_script": "Pictures need JavaScript, which is switched off. All figures are in the tables.",
        "at_a_glance": "At a glance",
        "warnings": "Warnings",
        "components": "Components",
        "rows": "Rows",
        "one_feature": "One feature",
        "all_pairs": "All pairs",
        "how_sure": "How sure",
        "comparison": "Models compared",
        "model": "The model",
        "about": "About this report",
        "licences": "Licences of Observable Plot and D3, which draw the pictures",
        "horizontal": "Horizontal",
        "vertical": "Vertical",
        "feature": "Feature",
        "show_all": "Show all",
        "how_to_choose": "Choose a component: its rows stand out, and its parameters are shown.",
        "how_to_point": (
            "Point at a row, or go from row to row with the arrow keys: its responsibilities are shown. "
            "Enter chooses its component, Escape chooses none."
        ),
        "paler": "The paler a row, the less certain it is which component it comes from.",
        "ellipses": "Ellipses hold 50 % and 95 % of a component.",
        "hollow": "A hollow row lacks one of the two: it stands where it is expected.",
        "noise": "Grey rows are noise: they belong to no component.",
        "bars": (
            "Bars are the rows, lines the components, and the dark line their sum. Each tick below is a row; "
            "point at it."
        ),
        "no_rows": "No rows were given, so that components alone are drawn: report(path, X) draws rows too.",
        "rows_as_a_table": "The rows that are drawn, as a table",
        "first_of": "The first {n} of {all}.",
        "component": "component",
        "row": "row",
        "label": "component",
        "certainty": "responsibility",
        "weight": "weight",
        "mean": "mean ± standard deviation",
        "scale": "mean ± scale",
        "verdict": "verdict",
        "correlations": "Correlations of features that are drawn",
        "and_less": "others less",
        "not_observed": "not observed; expected here",
        "density": "density",
        "n_components": "number of components",
        "noise_label": "noise",
        "best": "best",
        "download": "Save the model",
        "scatter": "Two features of the rows, coloured by component, with the components' ellipses",
        "histogram": "Histogram of a feature, with the density of each component",
        "criterion": "The criterion of every model against its number of components",
    }
)


def say(name: str) -> str:
    """A text of the page itself."""
    return _(PAGE[name])


def page() -> dict[str, str]:
    """All of them, by name."""
    return {name: say(name) for name in PAGE}


def sampled(n_drawn: int, n_rows: int) -> str:
    """How many rows are drawn."""
    if n_drawn == n_rows:
        return _("All {number} rows are drawn.").format(number=f"{n_rows:,}")
    some = _("{number} of {all} rows are drawn, a random sample; the fit is of all.")
    return some.format(number=f"{n_drawn:,}", all=f"{n_rows:,}")


def features_left_out(n_drawn: int, n_features: int, is_ranked: bool) -> str:
    """Which features can be chosen."""
    if is_ranked:
        some = _(
            "{number} of {all} features can be drawn: those in which components overlap least. "
            "report(..., features=[...]) takes others."
        )
    else:
        some = _(
            "{number} of {all} features can be drawn: the first. report(..., features=[...]) takes others."
        )
    return some.format(number=n_drawn, all=n_features)


def direction(number: int) -> str:
    """Name of a direction."""
    return _("direction {number}").format(number=number + 1)


def what_directions_are(n: int) -> str:
    """What is drawn along the axes that are no features."""
    if n == 1:
        return _(
            "Direction 1 is the combination of all features along which components lie farthest apart "
            "(linear discriminants); components are one wide there, on average."
        )
    return _(
        "Directions 1 and 2 are the combinations of all features along which components lie farthest apart "
        "(linear discriminants); components are one wide there, on average."
    )


def what_it_is_made_of(number: int, features: Sequence[str]) -> str:
    """Features of the largest parts in a direction."""
    made = _("Direction {number} is mostly {features}.")
    return made.format(number=number + 1, features=", ".join(features))


def outside(n_rows: int, axis: str) -> str:
    """Rows that an axis does not reach."""
    far = counted(
        n_rows,
        "{number} row too far out along {axis} to be drawn.",
        "{number} rows too far out along {axis} to be drawn.",
    )
    return far.format(number=f"{n_rows:,}", axis=axis)


def components_left_out(n_shown: int, n_components: int) -> str:
    """Components that are not shown."""
    some = _("{number} of {all} components are shown, those of the largest weights.")
    return some.format(number=n_shown, all=n_components)


def without_rows(n: int) -> str:
    """Components that a prior left without rows."""
    empty = counted(
        n,
        "{number} component holds no rows and is not shown.",
        "{number} components hold no rows and are not shown.",
    )
    return empty.format(number=f"{n:,}")


def certainty(mean: float) -> str:
    """How sure the labels of all rows are."""
    sure = _("The largest responsibility of a row is {share} on (geometric) average.")
    return sure.format(share=f"{mean:.1%}")


def certain_rows(share: float, doubtful: float) -> str:
    """How sure the labels of the rows that are drawn are."""
    rows = _(
        "Of the rows that are drawn {certain} belong to a component with a responsibility of 0.9 or more, "
        "and {doubtful} to none with more than 0.6."
    )
    return rows.format(certain=f"{share:.1%}", doubtful=f"{doubtful:.1%}")


def nothing_doubtful(n_components: int) -> str:
    """Where every verdict is 'sound'."""
    return _("The component is sound.") if n_components == 1 else _("Every component is sound.")


def doubtful(components: Sequence[int], verdicts: Sequence[str]) -> str:
    """Verdicts that are not 'sound'."""
    one = _("component {number}: {verdict}")
    named = [
        one.format(number=k, verdict=verdict_in_words(verdict))
        for k, verdict in zip(components, verdicts, strict=True)
    ]
    first, n_more = ", ".join(named[:5]), len(named) - 5
    if n_more <= 0:
        return _("In doubt are {components}.").format(components=first)
    return _("In doubt are {components}, and {number} more.").format(
        components=first, number=n_more
    )


def warned_of_nothing(was_fitted: bool) -> str:
    """Where there is no warning; parameters that were set by hand cannot have any."""
    if was_fitted:
        return _("The fit warned of nothing.")
    return _("The parameters were set by hand: no fit has warned of anything.")


def columns_of_the_diagnosis() -> str:
    """What stands in its table."""
    return _(
        "Effective rows: the sum of a component's responsibilities. Condition number: how flat it is. Floor "
        "share: how much of its smallest variance is reg_covar. Overlap: with the component nearest to it, 0 "
        "apart, 1 the same (Bhattacharyya)."
    )


def best_model(name: str, n_components: int, criterion: str, is_lower_better: bool) -> str:
    """Which model was chosen."""
    if is_lower_better:
        best = _(
            "The best is {name} with {components}, by {criterion} (lower is better); the others as far from "
            "it:"
        )
    else:
        best = _(
            "The best is {name} with {components}, by {criterion} (higher is better); the others as far from "
            "it:"
        )
    components = number_of(n_components, "component")
    return best.format(name=name, components=components, criterion=criterion)


def models_outside(n: int) -> str:
    """Models that the picture leaves out."""
    worse = counted(
        n,
        "{number} model far worse is left out of the picture.",
        "{number} models far worse are left out of the picture.",
    )
    return worse.format(number=f"{n:,}")


def models_without(n: int) -> str:
    """Models that have no point."""
    none = counted(
        n,
        "{number} model failed, is degenerate or not finished.",
        "{number} models failed, are degenerate or not finished.",
    )
    return none.format(number=f"{n:,}")


def how_to_load(is_embedded: bool) -> str:
    """Where the model is to be had, before the code that reads it."""
    if is_embedded:
        return _("The model is in this page; save it, and read it in Python:")
    return _(
        "The model is too large to be in this page. Written with save(), it is read in Python:"
    )


def features_of_the_model(names: Sequence[str], n_features: int) -> str:
    """What a table of rows must have."""
    named, n_more = ", ".join(names), n_features - len(names)
    if n_more > 0:
        named += _(" and {number} more").format(number=n_more)
    features = number_of(n_features, "feature")
    return _("X has {features}: {names}.").format(features=features, names=named)


def about(version: str) -> str:
    """What made the page."""
    made = _(
        "Made by mixtura {version}. The page is one file and loads nothing from elsewhere; Observable Plot "
        "and D3 draw its pictures."
    )
    return made.format(version=version)
