"""Results of other tools, read into sessions."""
