"""A table before a fit: what it holds, and what a fit would say."""
