"""Models: from template to table."""
