"""The terminal: options that commands share, streams, failures, how a ledger is printed."""
