"""Tuning: options chosen on validation ratings, with one budget for every model."""
