"""Helpers of the tests: toy data, planted models and packages, and the command line."""
