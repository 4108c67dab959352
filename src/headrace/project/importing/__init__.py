"""Sources that were written for other tools, as headrace's own: pure functions from one mapping to another."""
