"""Plan and execute."""
