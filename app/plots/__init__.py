"""Figures: one a module; they share axes, colours and the crosshair."""
