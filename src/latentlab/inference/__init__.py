"""What a trained variant says of new images: their codes, and where they are in its map."""
