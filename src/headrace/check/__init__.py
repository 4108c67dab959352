"""Asking promises of data."""
