"""What can be read of the machine at one moment: a source a module."""
