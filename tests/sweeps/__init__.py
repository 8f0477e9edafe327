"""Trainings that differ in a few settings."""
