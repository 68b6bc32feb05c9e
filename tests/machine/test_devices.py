"""Devices: each kind is asked in its own way, and tells what it lacks."""

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import benchbox
from benchbox.errors import UsageError
from benchbox.machine import devices
from benchbox.machine.accelerator import MemoryPeaks
from benchbox.machine.device_choice import (
    FoundDevices,
    check_device,
    device_for,
    find_devices,
    runs_on,
    what_devices_lack,
)
from benchbox.machine.devices import (
    KINDS,
    TorchAccelerator,
    accelerator_in_use,
    accelerator_targets,
    device_named,
    is_out_of_memory,
    set_accelerators,
)
from benchbox.machine.processor import Processor
from tests.support.fake_torch import FakeTorch

CORE = Path(benchbox.__file__).parent
PLUGINS = Path(__file__).parents[2] / "plugins"

NAMED_KIND = re.compile(r"cuda|rocm|\bhip\b|\bmps\b|\bxpu\b")

TWO_CARDS = FoundDevices(kind="cuda", names=["Loom 3000", "Loom 4000"])
APPLE = FoundDevices(kind="mps", names=["Apple M9"])
NONE = FoundDevices()

KNOWS_CACHES = {"L2_cache_size": 50 << 20, "last_level_cache_size": 8 << 20}


@pytest.mark.parametrize(
    ("name", "kind", "index"),
    [
        ("cpu", "cpu", 0),
        ("cuda", "cuda", 0),
        ("cuda:0", "cuda", 0),
        ("cuda:12", "cuda", 12),
        ("mps", "mps", 0),
        ("xpu:1", "xpu", 1),
    ],
)
def test_a_name_tells_kind_and_number(name: str, kind: str, index: int) -> None:
    device = device_named(name)

    assert (device.kind, device.index) == (kind, index)
    assert device.is_accelerator == (kind != "cpu")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "auto",
        "tpu",
        "gpu:0",
        "CUDA",
        "cpu:0",
        "cuda:",
        "cuda:-1",
        "cuda:01",
        "xpu1",
    ],
)
def test_what_is_no_name_of_a_device_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=f"No device is called {name!r}"):
        device_named(name)


def test_devices_are_named_chosen_and_recorded_without_torch() -> None:
    script = """
import sys
from benchbox.machine import FoundDevices, Gauges, check_device, device_named
here = FoundDevices("xpu", ["one"])
check_device("xpu", here)
for name in ("cpu", "cuda:3", "mps", "xpu"):
    device_named(name).sensors()
    Gauges(name).record()
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_processor_has_an_answer_to_every_question(tmp_path: Path) -> None:
    for number, size in enumerate(("32K", "1024K", "2M", "unknown")):
        (tmp_path / f"index{number}").mkdir()
        (tmp_path / f"index{number}/size").write_text(f"{size}\n")
    device = Processor()
    device.synchronize()
    device.warm_up()
    device.overwriter(100)()

    assert device.cache_bytes(tmp_path) == 2 << 20
    assert device.cache_bytes(tmp_path / "none") is None
    assert device.events() is None
    assert device.memory_peaks() is None
    assert device.settings() == device.missing() == {}
    assert device.sensors() == "the trial used no accelerator"


@pytest.mark.parametrize(
    ("kind", "n_devices", "found"),
    [
        ("", 0, NONE),
        ("cuda", 0, NONE),
        ("cuda", 2, FoundDevices("cuda", ["cuda number 0", "cuda number 1"])),
        ("xpu", 1, FoundDevices("xpu", ["xpu number 0"])),
        ("mps", 1, APPLE),
        ("mtia", 1, NONE),
    ],
)
def test_accelerators_are_found_by_their_kind(
    kind: str, n_devices: int, found: FoundDevices, monkeypatch: pytest.MonkeyPatch
) -> None:
    FakeTorch(monkeypatch, kind, n_devices)

    assert find_devices() == found


def test_an_older_torch_does_not_name_an_apple_chip(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch = FakeTorch(monkeypatch, "mps")
    del torch.backends.mps.get_name

    assert find_devices().names == ["Apple GPU"]


@pytest.mark.parametrize("kind", ["cuda", "xpu"])
def test_cuda_and_xpu_lack_nothing(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = FakeTorch(monkeypatch, kind, n_devices=3, **KNOWS_CACHES)
    device = device_named(f"{kind}:2")
    device.warm_up()
    device.synchronize()

    assert {tensor.device for tensor in torch.tensors} == {f"{kind}:2"}
    assert torch.waits == [2]
    assert device.memory_peaks() == MemoryPeaks(302, 502)
    assert device.cache_bytes() == {"cuda": 50 << 20, "xpu": 8 << 20}[kind]
    assert device.missing() == {}


def test_mps_tells_neither_memory_nor_caches_nor_steps_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch = FakeTorch(monkeypatch, "mps", **KNOWS_CACHES)
    device = device_named("mps")
    device.synchronize()

    # By its own function, which works in every torch.
    assert torch.waits == [None]
    assert device.memory_peaks() is device.cache_bytes() is device.events() is None
    missing = device.missing()
    assert list(missing) == ["accelerator memory", "cache size", "step events"]
    assert missing["cache size"] == "torch does not report it for this mps device"
    assert "the host times some steps" in missing["step events"]


@pytest.mark.parametrize("properties", [{}, {"L2_cache_size": 0}])
def test_a_device_without_events_or_a_known_cache_says_so(
    properties: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    FakeTorch(monkeypatch, "cuda", **properties).has_events = False

    assert list(device_named("cuda").missing()) == ["cache size", "step events"]


def test_caches_are_overwritten_on_the_device_itself_and_it_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch = FakeTorch(monkeypatch, "xpu", n_devices=2)
    overwrite = device_named("xpu:1").overwriter(1000)
    overwrite()
    overwrite()

    (block,) = torch.tensors
    assert (block.size, block.device, block.n_writes) == ((1000,), "xpu:1", 2)
    assert torch.waits == [1, 1]


def test_settings_are_those_that_decide_on_such_a_device(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch = FakeTorch(monkeypatch, "cuda")

    assert device_named("cuda").settings() == {
        "cuda matmul tf32": "true",
        "cudnn tf32": "true",
        "cudnn benchmark": "false",
    }
    assert device_named("xpu").settings() == {"onednn tf32": "false"}
    assert device_named("mps").settings() == {}
    del torch.backends.mkldnn.allow_tf32
    assert device_named("xpu").settings() == {}


def test_sensors_are_read_by_nvml_or_not_at_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened = object()
    monkeypatch.setattr(devices, "open_device", lambda number: (opened, number))

    monkeypatch.setattr(devices, "package_version", lambda package: "2.9.0+cu128")
    assert device_named("cuda:1").sensors() == (opened, 1)
    monkeypatch.setattr(devices, "package_version", lambda package: "2.9.0+rocm6.4")
    why = "benchbox cannot read sensors of {} devices"
    assert device_named("cuda:1").sensors() == why.format("ROCm")
    assert device_named("mps").sensors() == why.format("mps")


def test_what_each_device_lacks_is_found_by_using_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch = FakeTorch(monkeypatch, "xpu", n_devices=2, **KNOWS_CACHES)
    torch.has_events = False

    found = what_devices_lack(find_devices())

    assert {name: [*lacks] for name, lacks in found.items()} == {
        "xpu:0": ["step events", "sensors"],
        "xpu:1": ["step events", "sensors"],
    }
    assert [tensor.device for tensor in torch.tensors] == ["xpu:0", "xpu:1"]


def test_a_device_that_fails_lacks_computation(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = FakeTorch(monkeypatch, "mps")

    def fail(*size: int, device: str) -> None:
        raise RuntimeError("no driver")

    monkeypatch.setattr(torch, "zeros", fail)

    assert what_devices_lack(find_devices()) == {
        "mps:0": {"computation": "RuntimeError: no driver"}
    }
    assert what_devices_lack(NONE) == {}


class OutOfMemoryError(RuntimeError):
    """Has the name of torch's error."""


@pytest.mark.parametrize(
    ("error", "is_full"),
    [
        (OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 9.00 GB)"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling"), True),
        (RuntimeError("[enforce fail] . DefaultCPUAllocator: can't allocate"), False),
        (MemoryError("Unable to allocate 2.00 GiB"), False),
        (ValueError("MPS backend out of memory is a text"), False),
    ],
)
def test_the_memory_of_a_device_is_told_from_that_of_the_host(
    error: Exception, is_full: bool
) -> None:
    assert is_out_of_memory(error) == is_full


def test_an_error_without_words_says_nothing_of_memory() -> None:
    class Unspeakable(RuntimeError):
        def __str__(self) -> str:
            raise ValueError("no words")

    assert not is_out_of_memory(Unspeakable())


@pytest.mark.parametrize("kind", ["cuda", "xpu"])
def test_a_process_that_has_used_an_accelerator_is_known(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = FakeTorch(monkeypatch, kind)

    assert accelerator_in_use() == ""
    torch.modules[kind].is_initialized = lambda: True
    assert accelerator_in_use() == kind


@pytest.mark.parametrize(
    ("asked", "kinds", "here", "device"),
    [
        ("auto", ("cpu", "cuda"), TWO_CARDS, "cuda:0"),
        ("auto", ("cpu", "cuda"), APPLE, "cpu"),
        ("auto", ("cpu", "cuda"), NONE, "cpu"),
        ("auto", ("cpu",), TWO_CARDS, "cpu"),
        ("auto", ("cpu", "accelerator"), TWO_CARDS, "cuda:0"),
        ("auto", ("cpu", "accelerator"), APPLE, "mps:0"),
        ("auto", ("cpu", "accelerator"), NONE, "cpu"),
        ("cuda:1", ("cpu", "cuda"), TWO_CARDS, "cuda:1"),
        ("cuda", ("cpu", "cuda"), TWO_CARDS, "cuda"),
        ("cuda:1", ("cpu",), TWO_CARDS, "cpu"),
        ("mps", ("cpu", "accelerator"), APPLE, "mps"),
        ("mps", ("cpu", "cuda"), APPLE, "cpu"),
        ("cpu", ("cpu", "accelerator"), TWO_CARDS, "cpu"),
    ],
)
def test_a_model_is_given_what_was_asked_for_if_it_runs_there(
    asked: str, kinds: tuple[str, ...], here: FoundDevices, device: str
) -> None:
    check_device(asked, here)

    assert device_for(asked, kinds, here) == device


def test_any_accelerator_means_all_kinds_but_the_processor() -> None:
    assert [kind for kind in KINDS if runs_on(("accelerator",), kind)] == [
        "cuda",
        "mps",
        "xpu",
    ]
    assert not runs_on(("cpu", "accelerator"), "")


@pytest.mark.parametrize(
    ("asked", "here", "text"),
    [
        (
            "cuda:2",
            TWO_CARDS,
            "Device 'cuda:2' is not on this machine, which has cpu, "
            "cuda:0 (Loom 3000), cuda:1 (Loom 4000). Use --device cuda:0.",
        ),
        (
            "cuda",
            APPLE,
            "Device 'cuda' is not on this machine, which has cpu, mps:0 (Apple M9). "
            "Use --device mps:0.",
        ),
        (
            "mps:1",
            APPLE,
            "Device 'mps:1' is not on this machine, which has cpu, mps:0 (Apple M9). "
            "Use --device mps:0.",
        ),
        (
            "xpu",
            NONE,
            "Device 'xpu' is not on this machine, which has cpu alone. "
            "Use --device cpu, or install a torch build for your GPU.",
        ),
        (
            "tpu",
            TWO_CARDS,
            "No device is called 'tpu'. Use auto, cpu, cuda, mps or xpu; or by number: "
            "cuda:1. This machine has cpu, cuda:0 (Loom 3000), cuda:1 (Loom 4000).",
        ),
        (
            "auto:1",
            NONE,
            "No device is called 'auto:1'. Use auto, cpu, cuda, mps or xpu; or by "
            "number: cuda:1. This machine has cpu alone.",
        ),
    ],
)
def test_a_refusal_names_what_is_on_the_machine(
    asked: str, here: FoundDevices, text: str
) -> None:
    with pytest.raises(UsageError) as refusal:
        check_device(asked, here)

    assert str(refusal.value) == text


def code_of(file: Path) -> str:
    """Return the code of a module without comments and docstrings."""
    tree = ast.parse(file.read_text())
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            is_text = [
                isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant)
                for part in body
            ]
            node.body = [  # type: ignore[attr-defined]
                ast.Pass() if text else part
                for part, text in zip(body, is_text, strict=True)
            ]
    return ast.unparse(tree)


def test_kinds_of_accelerators_are_named_in_no_other_module() -> None:
    core = [*CORE.rglob("*.py")]
    families = [
        *PLUGINS.glob("*/benchbox_*/**/*.py"),
        *PLUGINS.glob("examples/**/*.py"),
    ]
    naming = {
        file.name
        for file in (*core, *families)
        if NAMED_KIND.search(code_of(file).lower())
    }

    assert len(families) > 30
    assert naming == {"devices.py", "nvml.py"}


@pytest.mark.parametrize(
    "code",
    ["torch.cuda.synchronize()", "devices = ('cpu', 'cuda')", "x.to('xpu:0')", "mps"],
)
def test_code_that_names_a_kind_would_be_found(code: str, tmp_path: Path) -> None:
    file = tmp_path / "model.py"
    file.write_text(f'"""Made for CUDA."""\n# And MPS.\nimport torch\n{code}\n')

    assert NAMED_KIND.search(code_of(file).lower())
    file.write_text('"""Made for CUDA."""\n# And MPS.\nimport torch\n')
    assert not NAMED_KIND.search(code_of(file).lower())


def is_device(node: Any) -> bool:
    """Return whether a piece of code is a device or the type of one."""
    if isinstance(node, ast.Attribute) and node.attr == "type":
        node = node.value
    name = getattr(node, "attr", getattr(node, "id", ""))
    return isinstance(name, str) and name.endswith("device")


def device_names_read_in(code: str) -> list[str]:
    """Return comparisons of a device, and calls of its methods as a string."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Compare):
            parts = [node.left, *node.comparators]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            of_strings = node.func.attr in {"startswith", "partition", "split"}
            parts = [node.func.value] if of_strings else []
        else:
            continue
        if any(map(is_device, parts)):
            found.append(ast.unparse(node))
    return found


def test_families_do_not_read_the_names_of_devices() -> None:
    files = [*PLUGINS.glob("*/benchbox_*/**/*.py"), *PLUGINS.glob("examples/*/**/*.py")]

    assert len(files) > 30
    assert {str(file): device_names_read_in(file.read_text()) for file in files} == {
        str(file): [] for file in files
    }


@pytest.mark.parametrize(
    "code",
    [
        "if context.device != 'cpu': pass",
        "x = 'cuda' in device",
        "self._device.startswith('cuda')",
        "kind = device.partition(':')[0]",
        "x.device.type == 'cuda'",
    ],
)
def test_code_that_reads_the_name_of_a_device_would_be_found(code: str) -> None:
    assert device_names_read_in(code)


class Npu(TorchAccelerator):
    """A kind of accelerator that a plugin brings."""

    kind = "npu"


def test_a_plugin_adds_a_kind_of_accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "_targets", dict(accelerator_targets()))
    FakeTorch(monkeypatch, "npu", n_devices=2)
    before, before_targets = find_devices(), accelerator_targets()

    set_accelerators({**before_targets, "npu": f"{__name__}:Npu"})
    here = find_devices()

    assert before == NONE
    assert here == FoundDevices("npu", ["npu number 0", "npu number 1"])
    assert isinstance(device_named("npu:1"), Npu)
    assert device_for("npu:1", ("accelerator",), here) == "npu:1"
    assert device_for("npu:1", ("cuda",), here) == "cpu"
    check_device("npu:1", here)
    with pytest.raises(UsageError, match="'npu:2' is not on this machine"):
        check_device("npu:2", here)
