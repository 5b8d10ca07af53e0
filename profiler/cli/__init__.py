"""The command line: one command a module; a command's help is its docstring."""
