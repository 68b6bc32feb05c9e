"""Converts the weights of a torch module to arrays and back."""

import torch
from torch import nn

from benchbox.models.state import State


def module_state(module: nn.Module) -> State:
    """Return the weights and buffers of *module* as arrays, by their names."""
    return {name: value.cpu().numpy() for name, value in module.state_dict().items()}


def restore_module(module: nn.Module, state: State) -> None:
    """Load weights and buffers that `module_state` returned into *module*."""
    tensors = {name: torch.from_numpy(value.copy()) for name, value in state.items()}
    module.load_state_dict(tensors)
