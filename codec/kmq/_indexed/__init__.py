"""An indexed picture: its palette, its index plane, how it is cut into tiles."""
