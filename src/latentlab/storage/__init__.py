"""A file for each kind of file: the same content gives the same bytes, and no file is ever half-written."""
