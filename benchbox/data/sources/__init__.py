"""Finds, downloads and verifies the files of data sets."""
