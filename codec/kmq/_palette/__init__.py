"""Palettes: fitted to counted colours, or given by name, table or file."""
