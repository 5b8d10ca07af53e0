"""Looking for the answer instead of measuring every cell."""
