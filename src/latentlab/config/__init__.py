"""What the user writes, typed and checked, and where files lie."""
