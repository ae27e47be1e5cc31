"""An open file: the whole picture, regions, slices, a thumbnail, the ledger."""
