"""What DVC and git know: what results are made from, and how they are made."""
