"""Results as tables, plots, README's table, and the gate of a release."""
