"""The adaptive coding of a tile's indices: small, and quick both ways (spec annex D)."""
