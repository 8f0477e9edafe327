"""Where datasets come from: files of several formats, the web."""
