"""The stages, one by one and all together."""
