"""Statements as values: pure functions from names to SQL."""
