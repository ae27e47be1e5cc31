"""How things are run and timed: the machine, limits, processes, a cache of what was measured."""
