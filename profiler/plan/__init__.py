"""What to measure: the plan a person states, its TOML file, and how it resolves into cells and run specifications."""
