"""The default start: a short search for the best optimum on a part of the rows."""

from mixtura.starts.auto._search import search

__all__ = ["search"]
