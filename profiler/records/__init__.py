"""Frozen values that cross rooms and the process line. No room owns a second definition of any of these."""
