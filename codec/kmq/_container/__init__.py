"""Header, sections, tile index and checksums: payloads to the bytes of a file, and back."""
