"""The parts of the benchmark; each measures (`measure`) and says what it found (`render`)."""
