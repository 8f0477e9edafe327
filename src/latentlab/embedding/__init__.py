"""Places in the plane for features of many dimensions: t-SNE, and new points in an embedding that is there already."""
