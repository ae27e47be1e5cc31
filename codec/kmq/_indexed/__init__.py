"""An indexed picture: its palette, its index plane, its tiles."""
