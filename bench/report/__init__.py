"""Results as tables, plots, the small table, and the gate of a release."""
