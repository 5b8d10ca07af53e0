"""The session file: one SQLite database that keeps everything a sweep measured (format: `FORMAT.md`)."""
