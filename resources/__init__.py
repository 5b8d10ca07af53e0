"""Files that ship with Inferometer: icons, fonts, sample plans. Read through importlib.resources."""
