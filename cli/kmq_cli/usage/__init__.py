"""How commands are used: what they take, and from that how words are read, completed and explained."""
