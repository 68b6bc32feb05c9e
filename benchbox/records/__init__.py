"""Records: what a run leaves behind, as its files have it."""
