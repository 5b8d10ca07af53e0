"""Comparing sessions, and cells of one session: shifts with intervals, verdicts, and what else differs (measurement.md §4)."""
