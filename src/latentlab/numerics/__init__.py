"""How libraries are set up to give the same numbers each time."""
