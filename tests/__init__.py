"""Tests of behaviour; those marked `slow` run real studies."""
