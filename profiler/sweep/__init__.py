"""From a plan to a session file: cells, their order, their runs, and what subscribers hear meanwhile."""
