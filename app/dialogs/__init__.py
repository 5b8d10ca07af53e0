"""Windows above the window: preferences, about, an error's report, questions."""
