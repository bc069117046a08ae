"""The parts of benchmarks/missing_values.py; each measures and prints a table."""
