"""The backend ``loom`` of torch: a device whose memory is the host's.

torch knows it as it knows any accelerator of another vendor, by its key PrivateUse1,
and loads it by an entry point (`loom_plugin`). Its tensors name the device ``loom:0``.
Each operation runs on the CPU, on the same memory, so values are those of the CPU. Like
real accelerators it refuses tensors of the CPU among its own, and like some of them it
has no float64, no events, and no figures on its memory.

It needs the support for backends in Python, which torch has since 2.10.
"""

import os
from collections.abc import Iterator
from typing import Any

import torch
from torch.utils import _pytree as tree

KIND = "loom"

SIZE_VARIABLE = "LOOM_BYTES"
"""Environment variable with the most bytes that one tensor may have."""

_CPU_KERNELS = torch._C.DispatchKeySet(torch._C.DispatchKey.CPU)
_KEY = "PrivateUse1"
_AUTOCAST = torch._C.DispatchKeySet(torch._C.DispatchKey.AutocastPrivateUse1)
_aten = torch.ops.aten
_registered: list[Any] = []


class Module:
    """What torch calls ``torch.loom``."""

    used = False

    def is_available(self) -> bool:
        return True

    def is_initialized(self) -> bool:
        return self.used

    def device_count(self) -> int:
        return 1

    def current_device(self) -> int:
        return 0

    def get_device_name(self, index: int) -> str:
        return "Loom 1000"

    def synchronize(self) -> None:
        pass

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16]

    def manual_seed_all(self, seed: int) -> None:
        pass

    def _is_in_bad_fork(self) -> bool:
        return False


class Generator(torch.Generator):
    """A generator of the CPU, which tells the device it was made for."""

    def __new__(cls, device: Any = "cpu") -> "Generator":
        return super().__new__(cls)

    def __init__(self, device: Any = "cpu") -> None:
        self._device = torch.device(device)

    @property
    def device(self) -> torch.device:
        return self._device


def register() -> None:
    """Make the device known to torch, before anything has been differentiated."""
    from torch.utils import backend_registration

    if _registered:
        return
    backend_registration._setup_privateuseone_for_python_backend(KIND, Module())
    rest, ours = (torch.library.Library(name, "IMPL") for name in ("_", "aten"))
    _registered.extend((rest, ours))
    rest.fallback(_run, dispatch_key=_KEY)
    rest.fallback(torch.library.fallthrough_kernel, dispatch_key=f"Autocast{_KEY}")
    for product in ("mm", "addmm", "linear", "matmul"):
        ours.impl(product, _rounded(getattr(_aten, product)), f"Autocast{_KEY}")
    ours.impl("_copy_from", _copy, _KEY)
    ours.impl("empty.memory_format", _empty, _KEY)
    ours.impl("empty_strided", _empty_strided, _KEY)
    # A backend in Python cannot offer a kind of generator.
    torch.Generator = Generator  # type: ignore[misc]


def is_loom(x: Any) -> bool:
    return isinstance(x, torch.Tensor) and x.device.type == KIND


def _run(operation: Any, *args: Any, **kwargs: Any) -> Any:
    """Run any operation on the memory of its tensors, by the kernels of the CPU."""
    lent: dict[int, tuple[torch.Tensor, torch.Tensor, Any]] = {}

    def lend(x: Any) -> Any:
        if is_loom(x):
            if id(x) not in lent:
                host = _host(x)
                lent[id(x)] = x, host, _layout(host)
            return lent[id(x)][1]
        if isinstance(x, torch.Tensor) and x.dim() > 0:
            raise RuntimeError(f"{operation} has tensors on {KIND}:0 and on {x.device}")
        return torch.device("cpu") if isinstance(x, torch.device) else x

    result = operation(*tree.tree_map(lend, args), **tree.tree_map(lend, kwargs))
    own = {}
    for tensor, host, before in lent.values():
        own[id(host)] = tensor
        if _layout(host) != before:
            _lay_out(tensor, _storage_on_loom(host), host)
    # A view shares the memory of one of the arguments.
    storages = dict(_storages(tensor for tensor, _, _ in lent.values()))

    def take(x: Any) -> Any:
        if not isinstance(x, torch.Tensor) or id(x) in own:
            return own.get(id(x), x)
        return _on_loom(x, storages.get(x.untyped_storage().data_ptr()))

    return tree.tree_map(take, result)


def _rounded(product: Any) -> Any:
    """Return what autocast does instead of *product*."""

    def run(*args: Any, **kwargs: Any) -> Any:
        with torch._C._ExcludeDispatchKeyGuard(_AUTOCAST):
            return product(*(x if x is None else x.bfloat16() for x in args), **kwargs)

    return run


def _copy(source: Any, target: Any, non_blocking: bool = False) -> Any:
    one, other = (_host(x) if is_loom(x) else x for x in (source, target))
    other.copy_(one)
    return target


def _empty(size: Any, *, dtype: Any = None, memory_format: Any = None, **_: Any) -> Any:
    return _on_loom(torch.empty(size, dtype=dtype, memory_format=memory_format))


def _empty_strided(size: Any, stride: Any, *, dtype: Any = None, **_: Any) -> Any:
    return _on_loom(torch.empty_strided(size, stride, dtype=dtype))


def _on_loom(host: torch.Tensor, storage: Any = None) -> torch.Tensor:
    """Return a tensor of the device with the memory and the layout of *host*."""
    if host.dtype == torch.float64:
        raise TypeError(f"{KIND} has no float64")
    if storage is None:
        _check_size(host.untyped_storage().nbytes())
        storage = _storage_on_loom(host)
    Module.used = True
    tensor: torch.Tensor = torch._C._acc.create_empty_tensor([0], host.dtype)
    _lay_out(tensor, storage, host)
    return tensor


def _host(tensor: torch.Tensor) -> torch.Tensor:
    """Return a tensor of the CPU with the memory and the layout of *tensor*."""
    host = torch.empty(0, dtype=tensor.dtype)
    storage = tensor.untyped_storage()
    if hasattr(storage, "host"):
        host.set_(storage.host, *_place(tensor))
    return host


def _storage_on_loom(host: torch.Tensor) -> Any:
    memory = host.untyped_storage()
    where = torch.device(KIND, 0)
    storage = torch._C._construct_storage_from_data_pointer(
        memory.data_ptr(), where, memory.nbytes()
    )
    # It must live as long.
    storage.host = memory
    return storage


def _lay_out(tensor: torch.Tensor, storage: Any, like: torch.Tensor) -> None:
    _aten.set_.source_Storage_storage_offset.redispatch(
        _CPU_KERNELS, tensor, storage, *_place(like)
    )


def _place(tensor: torch.Tensor) -> tuple[int, torch.Size, tuple[int, ...]]:
    return tensor.storage_offset(), tensor.size(), tensor.stride()


def _layout(host: torch.Tensor) -> Any:
    return host.untyped_storage().data_ptr(), _place(host)


def _storages(tensors: Iterator[torch.Tensor]) -> Iterator[tuple[int, Any]]:
    for tensor in tensors:
        storage = tensor.untyped_storage()
        if storage.nbytes():
            yield storage.data_ptr(), storage


def _check_size(n_bytes: int) -> None:
    most = int(os.environ.get(SIZE_VARIABLE) or 1 << 40)
    if n_bytes > most:
        raise torch.OutOfMemoryError(
            f"{KIND} out of memory: tried to allocate {n_bytes} of {most} bytes"
        )
