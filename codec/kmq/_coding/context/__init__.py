"""The context coding (spec annex C)."""
