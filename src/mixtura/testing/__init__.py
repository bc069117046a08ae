"""For contributors: the NumPy oracle, and the tests that new structures and sources of rows inherit."""
