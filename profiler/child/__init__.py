"""Starting, watching, timing out and reaping the engine child; its end is told as a value with a sentence."""
