"""What every part of a user's YAML has in common: frozen, strict about keys, and free of secrets in its repr."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Config(BaseModel):
    """A mapping of a user's file with known keys; an unknown key is an error with did-you-mean (see `project.files`)."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, populate_by_name=True)
