"""A tile's indices to its payload and back, in each coding; a palette to its coded form and back."""
