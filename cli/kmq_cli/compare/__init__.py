"""`kmq compare`."""
