"""Inferometer's engine: a library and a command line that measure local language models. Imports no Qt."""

__version__ = "0.1.0"
