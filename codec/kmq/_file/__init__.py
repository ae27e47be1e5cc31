"""Reading files: the whole picture, regions, slices, a thumbnail, the ledger."""
