"""Metrics: definitions of error, and what they are computed from."""
