"""What every room stands on: errors, arguments, compiled loops, threads, bounded reading, whole files."""
