"""Table 1: every method."""
