"""Data: from the name of a data set, or a file, to checked ratings."""
