"""Pictures of any kind, whole or in parts: to canonical pixels, then to distinct colours with counts."""
