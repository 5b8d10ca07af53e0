"""Widgets that pages are composed of: cards, tiles, chips, form rows, the matrix of a sweep."""
