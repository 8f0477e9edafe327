"""The compiled epoch, its losses and the loop around it."""
