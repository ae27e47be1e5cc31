"""`python -m kmq_cli` is the `kmq` command."""

from kmq_cli._app import main

main()
