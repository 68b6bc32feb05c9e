"""Runs: from what is asked for to records on disk."""
