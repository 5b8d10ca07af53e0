"""Figures of a session as SVG, for the report and by themselves. Nothing is computed here: they show what `findings` says."""
