"""Sources: where the files of a data set come from, and proof that they are right."""
