"""What a model in Python imports."""

UNIT = 100
