"""Training: what networks trained by gradient steps share, for authors of models.

The core never imports this package: its modules but `options` import torch.
"""
