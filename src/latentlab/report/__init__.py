"""The page of a study: what arrays and numbers become in it, its template, style and scripts."""
