"""A grid of models, each fitted, the best of them chosen."""
