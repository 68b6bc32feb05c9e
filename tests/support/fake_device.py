"""Fake tensors of torch on an accelerator, to check what a model asks of it.

A fake tensor has a shape, a type and a device, but no values. So a step that needs a
value, or mixes devices, is found at once. Tensors on the CPU stay real.

The accelerator is that of `loom_backend`, because a torch without CUDA cannot
differentiate fakes on a device called ``cuda``: it aborts the process.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch._subclasses.fake_tensor import (
    DynamicOutputShapeException,
    FakeTensor,
    FakeTensorMode,
    unset_fake_temporarily,
)
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from tests.support.loom_backend import KIND

NAME = f"{KIND}:0"

_aten = torch.ops.aten
_COPIES = {_aten._to_copy, _aten.copy_}
_NOT_LAUNCHED = {_aten.detach, _aten.empty, _aten.empty_like, _aten.empty_strided}


class HiddenWaitError(Exception):
    """Within a step, the host waited for the device, or copied to or from it."""


class MixedDevicesError(Exception):
    """An operation had tensors of the device and of the CPU."""


class FakeDevice(TorchDispatchMode):
    """Keeps tensors of the device `NAME` as fakes, and watches what is done with them.

    Outside of steps, every value that is read is 0.

    Attributes:
        launches: For each step, how often each operation was launched.
        n_reads: Number of reads outside of steps.
        operations: Names of all operations with tensors of the device.
    """

    def __init__(self) -> None:
        super().__init__()
        self.launches: list[Counter[str]] = []
        self.n_reads = 0
        self.operations: set[str] = set()
        self.fakes = FakeTensorMode()
        self._in_step = False

    @contextmanager
    def step(self) -> Iterator[None]:
        """Watch a training step; a model calls this through `FitContext.step`."""
        self.launches.append(Counter())
        self._in_step = True
        try:
            yield
        finally:
            self._in_step = False

    @contextmanager
    def present(self) -> Iterator["FakeDevice"]:
        """Have this device in this process."""
        with self.fakes, self:
            yield self

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        leaves = tree_leaves((args, kwargs))
        fakes = [x for x in leaves if isinstance(x, FakeTensor)]
        target = kwargs.get("device")
        if not fakes and not _is_ours(target):
            with unset_fake_temporarily():
                return func(*args, **kwargs)
        if func.namespace == "prim":
            return func(*args, **kwargs)
        name = func.overloadpacket
        self.operations.add(str(name))
        is_copy = name in _COPIES
        if name == _aten._local_scalar_dense:
            self._read(func)
            return fakes[0].dtype.is_floating_point and 0.0
        if is_copy and target is not None and not _is_ours(target):
            self._read(func)
            with unset_fake_temporarily():
                return torch.zeros(fakes[0].shape, dtype=fakes[0].dtype)
        if any(map(_is_host_array, leaves)):
            self._check_copy(func, is_copy)
        if self._in_step and not func.is_view and name not in _NOT_LAUNCHED:
            self.launches[-1][name.__name__] += 1
        args, kwargs = tree_map(self._faked, (args, kwargs))
        try:
            return func(*args, **kwargs)
        except DynamicOutputShapeException:
            raise HiddenWaitError(f"{func} waits for {NAME} to count") from None

    def _read(self, func: Any) -> None:
        if self._in_step:
            raise HiddenWaitError(f"{func} waits for {NAME} within a step")
        self.n_reads += 1

    def _check_copy(self, func: Any, is_copy: bool) -> None:
        if not is_copy:
            raise MixedDevicesError(f"{func} has tensors of {NAME} and of the CPU")
        if self._in_step:
            raise HiddenWaitError(f"{func} copies to {NAME} within a step")

    def _faked(self, x: Any) -> Any:
        # Nothing is drawn, and the generator is one of the CPU.
        if isinstance(x, torch.Generator):
            return None
        is_real = isinstance(x, torch.Tensor) and not isinstance(x, FakeTensor)
        return self.fakes.from_tensor(x) if is_real else x


def _is_ours(device: Any) -> bool:
    return device is not None and torch.device(device) == torch.device(NAME)


def _is_host_array(x: Any) -> bool:
    is_real = isinstance(x, torch.Tensor) and not isinstance(x, FakeTensor)
    # A number as a tensor of the CPU may be an operand everywhere.
    return is_real and x.dim() > 0
