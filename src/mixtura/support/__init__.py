"""Beneath everything: array types, interruption, threads, versions, names."""
