"""What a file says of its pixels and Pillow overlooks: depth, key colours, colour space, orientation."""
