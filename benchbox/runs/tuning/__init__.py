"""Tuning: choosing options on validation ratings, with equal budgets for all models."""
