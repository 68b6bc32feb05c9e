"""Describes the machine and the software of a run."""

import os
import platform
import subprocess
import sys
from hashlib import blake2b
from pathlib import Path

import msgspec

from benchbox.errors import counted
from benchbox.machine import devices
from benchbox.machine.distributions import package_version, versions_of
from benchbox.machine.nvml import DeviceRecord, describe_devices

_PACKAGES = (
    "torch",
    "numpy",
    "scipy",
    "pandas",
    "pyarrow",
    "pluggy",
    "msgspec",
    "numba",
)

# Variables that affect threads or algorithms of numerical libraries.
_VARIABLES = (
    "CUBLAS_WORKSPACE_CONFIG",
    "KMP_AFFINITY",
    "LD_PRELOAD",
    "MALLOC_ARENA_MAX",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OMP_PROC_BIND",
    "OMP_WAIT_POLICY",
    "OPENBLAS_NUM_THREADS",
)

_MEMORY_LIMITS = (
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
)
"""Where Linux tells how much memory a control group may use."""

_CONTAINERS = {
    "/.dockerenv": "docker",
    "/run/.containerenv": "podman",
    "/run/systemd/container": "systemd",
}


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """The machine and the software of a run.

    Attributes:
        benchbox: Version of benchbox.
        commit: Commit of the checkout that benchbox runs from, with ``+`` if there are
            uncommitted changes; empty for an installed package.
        python: Version of the interpreter.
        system: Operating system and its version.
        cpu: Name of the processor.
        n_cpus: Number of processors this process may use.
        n_cores: Number of physical cores; `None` if unknown.
        cpu_quota: Number of processors a control group allows; `None` if unlimited.
        governor: Linux frequency governor of the processors; empty if unknown.
        memory_bytes: Memory of the machine in bytes.
        container: Signs of a container, a virtual machine or a scheduler.
        packages: Version of each package that can affect results.
        blas: Name and version of the library behind NumPy's matrix products.
        variables: Environment variables that affect threads, devices or algorithms.
        accelerators: Name of each accelerator that was found.
        devices: The NVIDIA devices, as the driver describes them.
    """

    benchbox: str
    commit: str
    python: str
    system: str
    cpu: str
    n_cpus: int
    n_cores: int | None = None
    cpu_quota: float | None = None
    governor: str = ""
    memory_bytes: int
    container: str = ""
    packages: dict[str, str]
    blas: str = ""
    variables: dict[str, str] = {}
    accelerators: list[str] = []
    devices: list[DeviceRecord] = []

    @property
    def id(self) -> str:
        """Hash of the whole record."""
        return _hash(msgspec.to_builtins(self))

    @property
    def fingerprint(self) -> str:
        """Hash of what determines speed, without what changes from day to day.

        Machines of one kind share it. Free memory, kernel, clocks and package versions
        are left out.
        """
        system = self.system.partition(" ")[0]
        quota = self.cpu_quota and round(self.cpu_quota, 1)
        return _hash([system, self.cpu, self.n_cpus, quota, sorted(self.accelerators)])

    def machine(self) -> str:
        """Return the hardware in a few words, for the notes below a table."""
        gib = self.memory_bytes / 2**30
        parts = [
            f"{self.cpu}, {counted(self.n_cpus, 'core')}, {gib:.0f} GiB",
            *self.accelerators,
        ]
        return " + ".join(parts)


def describe_environment(accelerators: list[str] | None = None) -> Environment:
    """Return the record of this machine; imports nothing heavy.

    Args:
        accelerators: Names of accelerators, if torch was asked for them.
    """
    import psutil

    return Environment(
        benchbox=package_version("benchbox-recsys"),
        commit=_commit(),
        python=platform.python_version(),
        system=f"{platform.system()} {platform.release()}",
        cpu=_cpu_name(),
        n_cpus=n_usable_cpus(),
        n_cores=psutil.cpu_count(logical=False),
        cpu_quota=_cpu_quota(),
        governor=_read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        memory_bytes=psutil.virtual_memory().total,
        container=_container(),
        packages=_packages(),
        blas=_blas(),
        variables=_variables(),
        accelerators=accelerators or [],
        devices=describe_devices() if accelerators else [],
    )


def n_usable_cpus() -> int:
    """Return the number of processors this process may use."""
    return len(usable_cpus())


def most_memory_bytes() -> int:
    """Return how much memory a trial may use if nobody sets a limit.

    That is the machine's memory, or what its control group allows, without a tenth but
    without 1 GiB at least, which the runner and the system need. A trial that took
    that too would take others with it.
    """
    import psutil

    told = map(_read, _MEMORY_LIMITS)
    allowed = [int(text) for text in told if text.isdecimal()]
    total: int = min([psutil.virtual_memory().total, *allowed])
    return max(total // 2, total - max(total // 10, 1 << 30))


def usable_cpus() -> list[int]:
    """Return the numbers of the processors this process may use."""
    if sys.platform == "linux":
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def _variables() -> dict[str, str]:
    names = sorted({*_VARIABLES, *devices.VARIABLES})
    return {name: os.environ[name] for name in names if name in os.environ}


def _packages() -> dict[str, str]:
    own = {name: found for name in _PACKAGES if (found := package_version(name))}
    # Accelerator libraries are separate packages, such as nvidia-cudnn-cu12.
    return own | versions_of(devices.PACKAGES)


def _blas() -> str:
    import numpy as np

    config = np.show_config(mode="dicts")
    blas = (config or {}).get("Build Dependencies", {}).get("blas", {})
    return f"{blas.get('name', '')} {blas.get('version', '')}".strip()


def _container() -> str:
    signs = [name for file, name in _CONTAINERS.items() if Path(file).exists()]
    if "KUBERNETES_SERVICE_HOST" in os.environ:
        signs.append("kubernetes")
    if "SLURM_JOB_ID" in os.environ:
        signs.append("slurm")
    if " hypervisor" in _read("/proc/cpuinfo"):
        signs.append("virtual machine")
    return ", ".join(signs)


def _cpu_quota() -> float | None:
    quota, _, period = _read("/sys/fs/cgroup/cpu.max").partition(" ")
    return int(quota) / int(period) if quota.isdecimal() and period else None


def _cpu_name() -> str:
    if sys.platform == "linux":
        for line in _read("/proc/cpuinfo").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    if sys.platform == "darwin":
        return _output("sysctl", "-n", "machdep.cpu.brand_string") or platform.machine()
    return platform.machine()


def _commit() -> str:
    folder = str(Path(__file__).parent)
    # Only a checkout of benchbox itself counts, not another one that contains it.
    if not _output("git", "-C", folder, "ls-files", "--error-unmatch", __file__):
        return ""
    commit = _output("git", "-C", folder, "rev-parse", "--short=12", "HEAD")
    return commit + (
        "+" if _output("git", "-C", folder, "status", "--porcelain") else ""
    )


def _hash(content: object) -> str:
    encoded = msgspec.json.encode(content, order="sorted")
    return blake2b(encoded, digest_size=8).hexdigest()


def _read(file: str) -> str:
    try:
        return Path(file).read_text().strip()
    except OSError:
        return ""


def _output(*command: str) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
