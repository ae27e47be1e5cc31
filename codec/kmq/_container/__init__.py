"""The container: header, sections, tile index and checksums, from payloads to a file's bytes and back."""
