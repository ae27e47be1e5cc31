"""The ground floor: errors, checks of arguments, compiled loops, threads, bounded reading, atomic writing."""
