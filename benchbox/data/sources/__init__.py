"""Sources: where the files of a data set come from."""
