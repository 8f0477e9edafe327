"""Measurements of this project: speed, memory, growth with the data, and whether two results have the same bytes."""
