"""What this machine is, what it can do at best, and how it fares while something runs."""
