"""Building blocks for models trained by gradient descent.

Names are loaded on first use, since most of the modules import torch or numba.
"""

from typing import TYPE_CHECKING

from benchbox.targets import lazy_names

if TYPE_CHECKING:
    from benchbox.models.training.activations import ACTIVATIONS as ACTIVATIONS
    from benchbox.models.training.centring import Centre as Centre
    from benchbox.models.training.centring import fit_centre as fit_centre
    from benchbox.models.training.compiling import kernel as kernel
    from benchbox.models.training.loop import train_epochs as train_epochs
    from benchbox.models.training.modules import module_state as module_state
    from benchbox.models.training.modules import restore_module as restore_module
    from benchbox.models.training.optimizers import make_optimizer as make_optimizer
    from benchbox.models.training.options import Activation as Activation
    from benchbox.models.training.options import Centring as Centring
    from benchbox.models.training.options import Count as Count
    from benchbox.models.training.options import Layers as Layers
    from benchbox.models.training.options import NotNegative as NotNegative
    from benchbox.models.training.options import Optimizer as Optimizer
    from benchbox.models.training.options import Positive as Positive
    from benchbox.models.training.options import Schedule as Schedule
    from benchbox.models.training.options import Share as Share
    from benchbox.models.training.options import TrainingOptions as TrainingOptions
    from benchbox.models.training.prefetching import prefetch as prefetch
    from benchbox.models.training.threads import at_most as at_most
    from benchbox.models.training.threads import kernels_at_most as kernels_at_most
else:
    __getattr__, __dir__, __all__ = lazy_names(
        __name__,
        {
            "ACTIVATIONS": "activations",
            "Activation": "options",
            "Centre": "centring",
            "Centring": "options",
            "Count": "options",
            "Layers": "options",
            "NotNegative": "options",
            "Optimizer": "options",
            "Positive": "options",
            "Schedule": "options",
            "Share": "options",
            "TrainingOptions": "options",
            "at_most": "threads",
            "fit_centre": "centring",
            "kernel": "compiling",
            "kernels_at_most": "threads",
            "make_optimizer": "optimizers",
            "module_state": "modules",
            "prefetch": "prefetching",
            "restore_module": "modules",
            "train_epochs": "loop",
        },
    )
