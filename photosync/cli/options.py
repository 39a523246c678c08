"""The options that every verb takes, and the settings they lead to."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from photosync.config import Settings


ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="The settings file.", show_default=False),
]
JsonOption = Annotated[
    bool,
    typer.Option("--json", help="One JSON document on stdout."),
]
VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="Say more on stderr.")]


def settings_of(config: Path | None, *, verbose: bool) -> Settings:
    """The settings, with logging set up for a verb that only looks.

    Raises:
        SettingsError: They cannot be read.
    """
    from photosync import config as configuration
    from photosync.logs import setup

    setup(verbose=verbose, stream=sys.stderr)
    return configuration.load(configuration.find_file(config, os.environ), os.environ)
