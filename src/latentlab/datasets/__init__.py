"""One file a dataset, found by its name.

Each has `load() -> (images, labels)`: images (N, H, W, C) uint8, labels (N,) int64.
"""
