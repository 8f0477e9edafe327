"""Arrays in, matplotlib figure out. No maths, no files, no global state (hence no pyplot)."""
