"""The `kmq` command: encode, decode and look into .kmq files."""

from kmq_cli._app import main

__all__ = ["main"]
