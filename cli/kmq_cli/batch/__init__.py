"""Work on many files: tasks, processes, a cluster, interrupts, the report."""
