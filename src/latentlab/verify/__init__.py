"""Whether what is committed comes out again: made anew in a clone, compared, and the first difference explained."""
