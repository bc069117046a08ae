"""Draws from a mixture and its noise."""

from __future__ import annotations

from mixtura.mixture.evaluation import Seed, random_generator
from mixtura.mixture.predictive import Predictive
from mixtura.support.arrays import Array


def sample_with_noise(
    mixture: Predictive, n_samples: int, random_state: Seed = None
) -> tuple[Array, Array]:
    """As `Mixture.sample`, with rows of noise among them: label -1, uniform in its box.

    Raises
    ------
    ValueError
        If there is no noise, or nobody knows where it lies.
    """
    noise = mixture.noise
    if noise is None:
        raise ValueError(
            "noise=True draws rows of noise, but the model was fitted without: it has none."
        )
    if noise.box is None:
        raise ValueError(
            "noise=True draws rows of noise from a box, but noise_volume is a volume without a place: fit "
            "with noise_volume=None, or set noise_box_ to the least and the most of each feature."
        )
    rng = random_generator(random_state)
    X, y = mixture.without_noise().sample(n_samples, rng)
    is_noise = rng.uniform(size=n_samples) < noise.weight
    low, high = noise.box
    places = rng.uniform(size=(int(is_noise.sum()), mixture.n_features))
    X[is_noise] = low + (high - low) * places
    y[is_noise] = -1
    return X, y


__all__ = ["sample_with_noise"]
