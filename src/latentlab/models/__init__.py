"""One file an architecture, found by its name.

Each has `Options`, its keys in a variant's entry, and `build(options, image_shape) -> Autoencoder` for images of
any (H, W, C). Keras is imported inside `build`, so that parameters are checked without waiting for TensorFlow.
"""
