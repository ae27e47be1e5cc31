"""Pixels and a palette to an index plane: the nearest entries, or dithered."""
