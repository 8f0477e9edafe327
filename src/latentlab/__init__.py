"""latentlab: a reproducible experiment pipeline for autoencoders on image data."""
