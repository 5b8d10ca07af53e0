"""What the Results page is composed of: what it reads of a session, its sentences and its cards."""
