"""How stages run side by side."""
