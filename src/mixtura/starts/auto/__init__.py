"""The default start: a short search for the best optimum on a part of the rows."""

from mixtura.starts.auto._given import Budget, Given, search_from
from mixtura.starts.auto._neighbours import merged, split
from mixtura.starts.auto._search import rows_of_a_search, search

__all__ = ["Budget", "Given", "merged", "rows_of_a_search", "search", "search_from", "split"]
