"""Formats out: each module builds one format's data from a session and writes it whole or not at all."""
