"""Places in the plane."""
