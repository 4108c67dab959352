"""What every part of a user's YAML has in common: frozen, strict about keys, and free of secrets in its repr."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Config(BaseModel):
    """A mapping of a user's file with known keys; an unknown key is an error with did-you-mean (see `project.files`)."""

    # What reads a kind of mapping is made when one is read for the first time: a project has a few of all the kinds there are.
    model_config = ConfigDict(
        extra="forbid", frozen=True, arbitrary_types_allowed=True, populate_by_name=True, defer_build=True
    )
