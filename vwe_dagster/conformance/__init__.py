"""The canary: whether an engine makes the worlds it should, told from worlds that the native engine makes, too."""
