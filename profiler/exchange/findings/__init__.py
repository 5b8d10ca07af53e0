"""What a session says: its need, its answer and what stands behind it, for the window, the reports and the command line."""
