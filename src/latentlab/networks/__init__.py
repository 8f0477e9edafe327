"""What architectures share: their contract, layers, codes to decode."""
