"""One fit: the best of several starts, what is known of it, what is doubtful about it."""
