"""A picture of any kind, whole or in parts: canonical pixels, then distinct colours with counts."""
