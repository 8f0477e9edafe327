"""Studies in one file."""
