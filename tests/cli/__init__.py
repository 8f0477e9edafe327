"""The `latentlab` command."""
