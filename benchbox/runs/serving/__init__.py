"""A page and a JSON interface to try a saved model, on this machine only."""
