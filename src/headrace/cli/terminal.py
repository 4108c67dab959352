"""How commands speak: results go to stdout, everything else to stderr, and a secret to neither."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from headrace.project.secrets import redact

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.cli.options import Asked

SCHEMA_VERSION = 1
"""Of all JSON documents on stdout. It grows when a key goes or changes its meaning; new keys may come at any time."""


def document(command: str, body: Mapping[str, Any]) -> None:
    """The one JSON document of a command, on stdout."""
    whole = {"schema_version": SCHEMA_VERSION, "command": command, **body}
    click.echo(redact(json.dumps(whole, default=str, ensure_ascii=False, indent=2)))


def result(asked: Asked, text: str) -> None:
    """What the command was called for, on stdout."""
    click.echo(redact(text), color=asked.color_on(sys.stdout.isatty()))


def say(asked: Asked, text: str = "") -> None:
    """What helps whoever looks, on stderr; `--quiet` keeps it away."""
    if not asked.quiet:
        click.echo(redact(text), err=True, color=asked.color_on(sys.stderr.isatty()))


def complain(asked: Asked, text: str) -> None:
    """An error or warning, on stderr whatever is asked."""
    click.echo(redact(text), err=True, color=asked.color_on(sys.stderr.isatty()))
