"""`python -m kmq_cli` is the `kmq` command."""

from kmq_cli import main

main()
