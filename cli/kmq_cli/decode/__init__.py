"""`kmq decode`."""
