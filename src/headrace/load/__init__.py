"""Landed rows into their table, all or nothing."""
