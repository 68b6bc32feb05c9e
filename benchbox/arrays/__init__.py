"""Long arrays: worked on in parts by all processors, in files, and in groups."""
