"""Options to the bytes of a file: whole pictures, targets, pictures larger than memory."""
