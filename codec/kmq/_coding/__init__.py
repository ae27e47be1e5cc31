"""The codings: from a tile's indices to a payload and back, from a palette to its coded form and back."""
