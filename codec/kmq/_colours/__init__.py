"""8-bit colours: channels, spaces, order, distances, the nearest entry."""
