"""kmq beside every tool that a user would pick instead: python -m bench FOLDER..."""
