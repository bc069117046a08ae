"""All sentences of a report that no summary, diagnosis or warning says already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from mixtura.display.page import plural

LANGUAGE = "en"

#: Of the page itself, by the names that the template and the script know.
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


def sampled(n_drawn: int, n_rows: int) -> str:
    """How many rows are drawn."""
    if n_drawn == n_rows:
        return f"All {n_rows:,} rows are drawn."
    return f"{n_drawn:,} of {n_rows:,} rows are drawn, a random sample; the fit is of all."


def features_left_out(n_drawn: int, n_features: int, is_ranked: bool) -> str:
    """Which features can be chosen."""
    which = "those in which components overlap least" if is_ranked else "the first"
    return (
        f"{n_drawn} of {n_features} features can be drawn: {which}. report(..., features=[...]) takes "
        "others."
    )


def direction(number: int) -> str:
    """Name of a direction."""
    return f"direction {number + 1}"


def what_directions_are(n: int) -> str:
    """What is drawn along the axes that are no features."""
    which = (
        "Direction 1 is the combination" if n == 1 else "Directions 1 and 2 are the combinations"
    )
    return (
        f"{which} of all features along which components lie farthest apart (linear discriminants); "
        "components are one wide there, on average."
    )


def what_it_is_made_of(number: int, features: Sequence[str]) -> str:
    """Features of the largest parts in a direction."""
    return f"Direction {number + 1} is mostly {', '.join(features)}."


def outside(n_rows: int, axis: str) -> str:
    """Rows that an axis does not reach."""
    return f"{plural(n_rows, 'row')} too far out along {axis} to be drawn."


def components_left_out(n_shown: int, n_components: int) -> str:
    """Components that are not shown."""
    return f"{n_shown} of {n_components} components are shown, those of the largest weights."


def without_rows(n: int) -> str:
    """Components that a prior left without rows."""
    return f"{plural(n, 'component')} {'holds' if n == 1 else 'hold'} no rows and are not shown."


def certainty(mean: float) -> str:
    """How sure the labels of all rows are."""
    return f"The largest responsibility of a row is {mean:.1%} on (geometric) average."


def certain_rows(share: float, doubtful: float) -> str:
    """How sure the labels of the rows that are drawn are."""
    return (
        f"Of the rows that are drawn {share:.1%} belong to a component with a responsibility of 0.9 or more, "
        f"and {doubtful:.1%} to none with more than 0.6."
    )


def nothing_doubtful(n_components: int) -> str:
    """Where every verdict is 'sound'."""
    return "The component is sound." if n_components == 1 else "Every component is sound."


def doubtful(components: Sequence[int], verdicts: Sequence[str]) -> str:
    """Verdicts that are not 'sound'."""
    named = [f"component {k}: {verdict}" for k, verdict in zip(components, verdicts, strict=True)]
    more = f", and {len(named) - 5} more" if len(named) > 5 else ""
    return f"In doubt are {', '.join(named[:5])}{more}."


NO_WARNINGS = "The fit warned of nothing."

NO_FIT = "The parameters were set by hand: no fit has warned of anything."

COLUMNS_OF_THE_DIAGNOSIS = (
    "Effective rows: the sum of a component's responsibilities. Condition number: how flat it is. Floor "
    "share: how much of its smallest variance is reg_covar. Overlap: with the component nearest to it, 0 "
    "apart, 1 the same (Bhattacharyya)."
)


def best_model(name: str, n_components: int, criterion: str, sign: str) -> str:
    """Which model was chosen."""
    return (
        f"The best is {name} with {plural(n_components, 'component')}, by {criterion} ({sign} is better); "
        "the others as far from it:"
    )


def models_outside(n: int) -> str:
    """Models that the picture leaves out."""
    return f"{plural(n, 'model')} far worse {'is' if n == 1 else 'are'} left out of the picture."


def models_without(n: int) -> str:
    """Models that have no point."""
    return f"{plural(n, 'model')} failed, {'is' if n == 1 else 'are'} degenerate or not finished."


EMBEDDED = "The model is in this page; save it, and read it in Python:"


def features_of_the_model(names: Sequence[str], n_features: int) -> str:
    """What a table of rows must have."""
    more = f" and {n_features - len(names)} more" if n_features > len(names) else ""
    return f"X has {plural(n_features, 'feature')}: {', '.join(names)}{more}."


NOT_EMBEDDED = (
    "The model is too large to be in this page. Written with save(), it is read in Python:"
)


def about(version: str) -> str:
    """What made the page."""
    return (
        f"Made by mixtura {version}. The page is one file and loads nothing from elsewhere; Observable Plot "
        "and D3 draw its pictures."
    )
