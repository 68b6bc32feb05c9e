"""Models: what a model is, and pieces to build one from."""
