"""Reports: tables of a run in several formats, built from its records alone."""
