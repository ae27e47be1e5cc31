"""`kmq encode`."""
