"""A study in one file: written here, checked and put in its place elsewhere."""
