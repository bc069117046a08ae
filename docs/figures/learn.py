"""Draw the pictures of docs/learn, in English and in Spanish.

python docs/figures/learn.py              # all of them, into docs/images/learn
python docs/figures/learn.py em spurious  # some
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.animation import FuncAnimation, PillowWriter
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.patches import Ellipse
from PIL import Image
from sklearn.cluster import KMeans

from mixtura import GaussianMixture, GaussianMixtureSearch
from mixtura.datasets import load_faithful
from mixtura.drawing.colours import INK, colour

OUT = Path(__file__).resolve().parents[1] / "images" / "learn"
BLUE, ORANGE = colour(0), colour(1)
PURPLE = "#8A5A8C"
# From one component to the other by way of a colour of its own: what is unsure is seen.
BETWEEN = LinearSegmentedColormap.from_list("between", [ORANGE, PURPLE, BLUE])
STRUCTURES = [
    *("EII", "VII", "EEI", "VEI", "EVI", "VVI", "EEE"),
    *("VEE", "EVE", "VVE", "EEV", "VEV", "EVV", "VVV"),
]

ENGLISH = {}
SPANISH = {
    "minutes to the next eruption": "minutos hasta la siguiente erupción",
    "minutes of eruption": "minutos de erupción",
    "density": "densidad",
    "sum": "suma",
    "component 0": "componente 0",
    "component 1": "componente 1",
    "start": "comienzo",
    "after 1 round": "tras 1 vuelta",
    "after {} rounds": "tras {} vueltas",
    "log-likelihood of a row": "log-verosimilitud por fila",
    "round": "vuelta",
    "round {}": "vuelta {}",
    "k-means: hard labels": "k-means: etiquetas duras",
    "mixture: responsibilities": "mezcla: responsabilidades",
    "number of components": "número de componentes",
    "700 rows": "700 filas",
    "a poor optimum": "un óptimo malo",
    "the best known": "el mejor conocido",
    "40 random starts": "40 comienzos al azar",
    "default start": "comienzo por defecto",
    "starts": "comienzos",
    "spurious": "espuria",
    "sound": "con sentido",
    "rows of each minute": "filas de cada minuto",
    "100,000 rows in {:,} cells": "100 000 filas en {} celdas",
}


def main(names: list[str]) -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    for name in names or FIGURES:
        for words, suffix in ((ENGLISH, ""), (SPANISH, ".es")):
            FIGURES[name](lambda text, words=words: words.get(text, text), suffix)


def save(figure, name: str, dpi: int = 90) -> None:
    """Write a picture of few colours: a third of the size, and nobody sees a difference."""
    path = OUT / f"{name}.png"
    figure.savefig(path, dpi=dpi)
    plt.close(figure)
    Image.open(path).convert("RGB").quantize(96, dither=Image.Dither.NONE).save(path, optimize=True)


def ellipses(ax, mixture, colours=None, scales=(2.0,), **style) -> None:
    """Draw each component's ellipses, so many standard deviations wide."""
    for k, (mean, covariance) in enumerate(zip(mixture.means, full(mixture), strict=True)):
        values, vectors = np.linalg.eigh(covariance)
        angle = np.degrees(np.arctan2(vectors[1, 1], vectors[0, 1]))
        of = colours[k] if colours else colour(k)
        for scale in scales:
            width, height = 2 * scale * np.sqrt(values[::-1])
            options = {"facecolor": (*to_rgb(of), 0.12), "edgecolor": of, "lw": 2} | style
            ax.add_patch(Ellipse(mean, width, height, angle=angle, **options))


def full(mixture) -> np.ndarray:
    """Return the covariances as (K, d, d)."""
    covariances, (K, d) = mixture.covariances, mixture.means.shape
    match covariances.shape:
        case (n,) if n == K:
            return covariances[:, np.newaxis, np.newaxis] * np.eye(d)
        case (n, m) if (n, m) == (K, d) and mixture.structure.kernel.name in ("diag", "spherical"):
            return np.stack([np.diag(row) for row in covariances])
        case (_, _):
            return np.broadcast_to(covariances, (K, d, d))
    return covariances


def bare(ax) -> None:
    ax.set(xticks=[], yticks=[], aspect="equal")


def mixtures(say, suffix) -> None:
    waiting = load_faithful().data[:, 1]
    gm = GaussianMixture(2, random_state=0, sort_components="mean").fit(waiting[:, np.newaxis])
    x = np.linspace(38, 102, 400)
    parts = np.exp(gm.mixture_.log_joint(x[:, np.newaxis]))
    figure, ax = plt.subplots(figsize=(7, 3.8), layout="constrained")
    ax.hist(waiting, bins=np.arange(42, 98, 2), density=True, color="#D8DCE4")
    for k in range(2):
        ax.fill_between(x, parts[:, k], color=colour(k), alpha=0.2)
        weight = f"{say(f'component {k}')}: $\\pi$ = {gm.weights_[k]:.2f}"
        ax.plot(x, parts[:, k], color=colour(k), lw=2, label=weight)
    ax.plot(x, parts.sum(axis=1), color=INK, lw=2, label=say("sum"))
    ax.set(xlabel=say("minutes to the next eruption"), ylabel=say("density"))
    ax.legend(frameon=False)
    save(figure, f"mixtures{suffix}")


def rounds_of_em():
    """Return the rows, and the mixture and log-likelihood of each round from a poor start."""
    X = load_faithful().data
    kept = []

    def keep(_, mixture, log_likelihood):
        kept.append((mixture, log_likelihood))

    start = {
        "weights_init": [0.5, 0.5],
        "means_init": [[2.5, 85.0], [4.5, 50.0]],
        "covariances_init": [[[0.3, 0.0], [0.0, 100.0]]] * 2,
    }
    GaussianMixture(2, **start, callback=keep).fit(X)
    return X, kept


def draw_round(ax, X, mixture, say) -> None:
    shares = mixture.responsibilities(X)[:, 0]
    ax.scatter(*X.T, c=shares, cmap=BETWEEN, vmin=0, vmax=1, s=14, linewidths=0)
    ellipses(ax, mixture, (BLUE, ORANGE), (1, 2))
    for mean, of in zip(mixture.means, (BLUE, ORANGE), strict=True):
        ax.plot(*mean, "P", color=of, ms=11, mec="white")
    ax.set(xlim=(1.2, 5.6), ylim=(38, 102), xlabel=say("minutes of eruption"))


def em(say, suffix) -> None:
    X, kept = rounds_of_em()
    figure, ax = plt.subplots(figsize=(5.6, 4.4))
    shown = [0] * 3 + list(range(1, len(kept))) + [len(kept) - 1] * 8

    def frame(number):
        ax.clear()
        draw_round(ax, X, kept[number][0], say)
        ax.set_ylabel(say("minutes to the next eruption"))
        ax.set_title(say("round {}").format(number + 1), loc="left")
        value = f"{say('log-likelihood of a row')}: {kept[number][1]:.3f}"
        ax.set_title(value, loc="right", fontsize=10)

    animation = FuncAnimation(figure, frame, frames=shown, interval=350)
    path = OUT / f"em{suffix}.gif"
    animation.save(path, PillowWriter(fps=3), dpi=80)
    plt.close(figure)
    shrink(path)
    em_steps(X, kept, say, suffix)


def shrink(path: Path) -> None:
    """Give an animation one small palette."""
    with Image.open(path) as moving:
        frames = []
        for number in range(moving.n_frames):
            moving.seek(number)
            frames.append(moving.convert("RGB"))
    palette = frames[-1].quantize(48, dither=Image.Dither.NONE)
    frames = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    first, *others = frames
    first.save(path, save_all=True, append_images=others, duration=350, loop=0, optimize=True)


def em_steps(X, kept, say, suffix) -> None:
    figure, grid = plt.subplots(2, 2, figsize=(9, 6.6), layout="constrained")
    axes = grid.ravel()
    titles = {0: say("after 1 round"), 4: say("after {} rounds").format(5)}
    titles[11] = say("after {} rounds").format(12)
    for ax, (number, title) in zip(axes, titles.items(), strict=False):
        draw_round(ax, X, kept[number][0], say)
        ax.set_title(title)
    for ax in (axes[0], axes[2]):
        ax.set_ylabel(say("minutes to the next eruption"))
    values = [value for _, value in kept]
    axes[3].plot(range(1, len(values) + 1), values, "o-", color=INK, ms=4)
    axes[3].set(xlabel=say("round"), title=say("log-likelihood of a row"))
    save(figure, f"em-steps{suffix}", 80)


def responsibilities(say, suffix) -> None:
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal([0, 0], 1.5, (400, 2)), rng.normal([3.5, 0], 0.4, (100, 2))])
    hard = KMeans(2, random_state=0).fit(X)
    gm = GaussianMixture(2, random_state=0, sort_components="mean").fit(X)
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.6), layout="constrained")
    left = hard.labels_ == hard.labels_[X[:, 0].argmin()]
    axes[0].scatter(*X.T, c=left, cmap=BETWEEN, s=16, linewidths=0)
    axes[0].plot(*hard.cluster_centers_.T, "P", color=INK, ms=11, mec="white")
    axes[0].set_title(say("k-means: hard labels"))
    shares = gm.predict_proba(X)[:, 0]
    axes[1].scatter(*X.T, c=shares, cmap=BETWEEN, vmin=0, vmax=1, s=16, linewidths=0)
    ellipses(axes[1], gm.mixture_, (BLUE, ORANGE))
    axes[1].set_title(say("mixture: responsibilities"))
    for ax in axes:
        bare(ax)
    save(figure, f"responsibilities{suffix}")


def structures(_, suffix) -> None:
    if suffix:  # no words in it
        return
    figure, axes = plt.subplots(3, 5, figsize=(11, 4.9), layout="constrained")
    angles, orders = (0.5, -0.7, 1.7), (2.6, 1.3, 4.5)
    volumes = (0.55, 1.0, 1.6)
    centres = np.array([[-3.4, 0.0], [0.0, 0.0], [3.8, 0.0]])
    for ax, name in zip(axes.flat, STRUCTURES, strict=False):
        for k, centre in enumerate(centres):
            area = volumes[k] if name[0] == "V" else 1.0
            ratio = {"I": 1.0, "E": 2.6, "V": orders[k]}[name[1]]
            # Along the axes a variable shape may also lie the other way.
            if name[1:] == "VI" and k == 1:
                ratio = 1 / 2.6
            turn = {"I": 0.0, "E": angles[0], "V": angles[k]}[name[2]]
            size = 2 * np.sqrt(area) * np.array([ratio**0.5, ratio**-0.5])
            of = colour(k)
            style = {"facecolor": (*to_rgb(of), 0.18), "edgecolor": of, "lw": 2}
            ax.add_patch(Ellipse(centre, *size, angle=np.degrees(turn), **style))
        also = {"VII": "spherical", "VVI": "diag", "EEE": "tied", "VVV": "full"}.get(name)
        ax.set_title(f"{name}  ({also})" if also else name, fontsize=13)
        ax.set(xlim=(-5.6, 7.2), ylim=(-3.1, 3.1))
        bare(ax)
    axes[2, 4].set_axis_off()
    save(figure, "structures")


def core_and_halo():
    rng = np.random.default_rng(3)
    return np.concatenate(
        [
            rng.normal([0, -3], 0.4, (150, 2)),
            rng.normal([0, -3], 1.3, (150, 2)),
            rng.normal([5, 0], 0.8, (200, 2)),
            rng.normal([-5, 0], 0.8, (200, 2)),
        ]
    )


def criteria(say, suffix) -> None:
    X = core_and_halo()
    search = GaussianMixtureSearch(range(1, 9), "full", random_state=0).fit(X)
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    axes[0].scatter(*X.T, s=8, color=INK, alpha=0.5, linewidths=0)
    ellipses(axes[0], search.estimator(4, "full").mixture_)
    axes[0].set_title(say("700 rows"))
    bare(axes[0])
    K = search.results_["n_components"]
    for name, of, style in (("aic", colour(2), ":"), ("bic", BLUE, "-"), ("icl", ORANGE, "--")):
        values = search.results_[name]
        best = np.argmin(values)
        axes[1].plot(K, values, style, color=of, lw=2, label=name.upper())
        axes[1].plot(K[best], values[best], "o", color=of, ms=12, mfc="none", mew=2)
    axes[1].set(xlabel=say("number of components"), ylim=(4900, 5350))
    axes[1].legend(frameon=False)
    save(figure, f"criteria{suffix}")


def starts(say, suffix) -> None:
    rng = np.random.default_rng(1)
    centres = np.array([[0, 0], [4, 0], [0, 4], [9, 9], [12, 6]])
    X = np.concatenate([rng.normal(centre, 0.9, (60, 2)) for centre in centres])
    options = {"init_params": "random_from_data"}
    random = GaussianMixture(5, n_init=40, random_state=0, **options).fit(X)
    ends = np.array([start.log_likelihood for start in random.starts_])
    # The end that most starts share, of those that are not the best.
    poor = ends[ends < ends.max() - 0.02]
    common = poor[np.argmax([(abs(poor - end) < 1e-3).sum() for end in poor])]
    seed = random.starts_[int(np.argmin(abs(ends - common)))].seed
    fits = [
        GaussianMixture(5, random_state=seed, **options).fit(X),
        GaussianMixture(5, random_state=0).fit(X),
    ]
    figure, axes = plt.subplots(1, 3, figsize=(13, 3.9), layout="constrained")
    titles = (say("a poor optimum"), say("the best known"))
    for ax, gm, title in zip(axes, fits, titles, strict=False):
        ax.scatter(*X.T, s=9, color=INK, alpha=0.5, linewidths=0)
        ellipses(ax, gm.mixture_)
        ax.set_title(f"{title}: {gm.score(X):.3f}")
        bare(ax)
    axes[2].hist(ends, bins=24, color="#9FB4CC", label=say("40 random starts"))
    axes[2].axvline(fits[1].score(X), color=ORANGE, lw=3, label=say("default start"))
    axes[2].set(xlabel=say("log-likelihood of a row"), ylabel=say("starts"))
    axes[2].legend(frameon=False, loc="upper left")
    save(figure, f"starts{suffix}", 80)


def spurious(say, suffix) -> None:
    rng = np.random.default_rng(4)
    X = np.concatenate([rng.normal([0, 0], 1, (50, 2)), rng.normal([4, 2], 1, (50, 2))])
    X[[0, 1, 2]] = [[-1.0, 0.0], [0.0, 0.5], [1.0, 1.0 + 1e-7]]
    labels = np.ones(100, dtype=int)
    labels[[0, 1, 2]] = 0
    with warnings.catch_warnings(action="ignore"):
        needle = GaussianMixture(2, init_params=labels, reg_covar=0, random_state=0).fit(X)
    found = GaussianMixture(2, random_state=0).fit(X)
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    for ax, gm, title in zip(axes, (needle, found), ("spurious", "sound"), strict=True):
        ax.scatter(*X.T, s=14, color=INK, alpha=0.5, linewidths=0)
        ellipses(ax, gm.mixture_, (colour(4), BLUE) if gm is needle else None)
        ax.set_title(f"{say(title)}: {say('log-likelihood of a row')} {gm.score(X):.3f}")
        bare(ax)
    axes[0].plot(*X[:3].T, "o", color=colour(4), ms=7)
    save(figure, f"spurious{suffix}")


def weights(say, suffix) -> None:
    X = load_faithful().data[:, [1]]
    minutes, times = np.unique(X, return_counts=True)
    gm = GaussianMixture(2, random_state=0).fit(minutes[:, np.newaxis], sample_weight=times)
    figure, axes = plt.subplots(1, 2, figsize=(12, 4.2), layout="constrained")
    axes[0].bar(minutes, times, width=0.7, color="#B9C4D4")
    x = np.linspace(40, 100, 300)
    density = np.exp(gm.score_samples(x[:, np.newaxis]))
    axes[0].plot(x, 272 * density, color=INK, lw=2)
    axes[0].set(xlabel=say("minutes to the next eruption"), title=say("rows of each minute"))
    rng = np.random.default_rng(0)
    kind = rng.choice(3, 100_000, p=[0.5, 0.3, 0.2])
    centres, spread = np.array([[0, 0], [4, 1], [1, 4]]), np.array([1.0, 0.8, 0.6])
    rows = centres[kind] + rng.normal(size=(100_000, 2)) * spread[kind, np.newaxis]
    cells, counts = np.unique(np.floor(rows * 5) / 5 + 0.1, axis=0, return_counts=True)
    fitted = GaussianMixture(3, random_state=0).fit(cells, sample_weight=counts)
    axes[1].scatter(*cells.T, c=np.log(counts), cmap="Greys", marker="s", s=7, linewidths=0)
    ellipses(axes[1], fitted.mixture_, facecolor="none")
    axes[1].set_title(say("100,000 rows in {:,} cells").format(len(cells)))
    bare(axes[1])
    save(figure, f"weights{suffix}")


FIGURES = {
    function.__name__: function
    for function in (
        *(mixtures, em, responsibilities, structures, criteria, starts, spurious, weights),
    )
}

if __name__ == "__main__":
    main(sys.argv[1:])
