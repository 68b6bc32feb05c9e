"""Fitted models in folders of their own: saved, loaded, asked for predictions."""
