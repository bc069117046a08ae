"""Any class with scikit-learn's interface, by its dotted name and arguments."""

from __future__ import annotations

import ast
from importlib import import_module

from problems import Problem


class Method:
    """A class by its dotted name, and arguments: 'package.Class:n_init=20,tol=1e-4'."""

    def __init__(self, text: str) -> None:
        self.name = text
        path, _, arguments = text.partition(":")
        module, _, name = path.rpartition(".")
        self._class = getattr(import_module(module), name)
        self._arguments = dict(self._argument(a) for a in arguments.split(",") if a)

    @staticmethod
    def _argument(text: str):
        name, _, value = text.partition("=")
        try:
            return name, ast.literal_eval(value)
        except ValueError:
            return name, value

    def fit(self, problem: Problem, seed: int):
        model = self._class(
            problem.n_components,
            covariance_type=problem.covariance_type,
            random_state=seed,
            **self._arguments,
        )
        return model.fit(problem.X)
