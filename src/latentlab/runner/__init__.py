"""How stages run side by side: what may start when, in which process, and what one sees of it."""
