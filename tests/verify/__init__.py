"""Results made again and compared."""
