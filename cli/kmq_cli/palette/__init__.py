"""`kmq palette`."""
