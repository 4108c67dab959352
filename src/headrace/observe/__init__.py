"""Listeners: one for each audience."""
