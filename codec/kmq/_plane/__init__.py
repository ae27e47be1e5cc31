"""From pixels and a palette to an index plane: nearest entries, or dithered."""
