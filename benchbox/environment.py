"""Environment: what a run ran on, as one flat record."""

import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

_PACKAGES = ("torch", "numpy", "scipy", "pandas", "pyarrow", "pluggy", "msgspec")


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """The machine and the software of a run.

    Attributes:
        benchbox: Version of benchbox.
        commit: Commit of the checkout benchbox runs from, ``+`` if changed; empty
            for an installed package.
        python: Version of the interpreter.
        system: Operating system and its version.
        cpu: Name of the processor.
        n_cpus: Processors this process may use.
        memory_bytes: Memory of the machine.
        packages: Version of each package that can change a number.
        accelerators: Name of each accelerator that was found.
    """

    benchbox: str
    commit: str
    python: str
    system: str
    cpu: str
    n_cpus: int
    memory_bytes: int
    packages: dict[str, str]
    accelerators: list[str] = []

    def machine(self) -> str:
        """Return the hardware in a few words, for the foot of a table."""
        gib = self.memory_bytes / 2**30
        parts = [f"{self.cpu}, {self.n_cpus} cores, {gib:.0f} GiB", *self.accelerators]
        return " + ".join(parts)


def describe_environment(accelerators: list[str] | None = None) -> Environment:
    """Return the record of this machine; nothing heavy is imported.

    Args:
        accelerators: Names of accelerators, where somebody has asked torch.
    """
    import psutil

    from benchbox.version import __version__

    return Environment(
        benchbox=__version__,
        commit=_commit(),
        python=platform.python_version(),
        system=f"{platform.system()} {platform.release()}",
        cpu=_cpu_name(),
        n_cpus=n_usable_cpus(),
        memory_bytes=psutil.virtual_memory().total,
        packages={
            name: found for name in _PACKAGES if (found := package_version(name))
        },
        accelerators=accelerators or [],
    )


def package_version(name: str) -> str:
    """Return the version of an installed package, or an empty string."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def n_usable_cpus() -> int:
    """Return how many processors this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cpu_name() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    if sys.platform == "darwin":
        return _output("sysctl", "-n", "machdep.cpu.brand_string") or platform.machine()
    return platform.machine()


def _commit() -> str:
    folder = str(Path(__file__).parent)
    # Only a checkout of benchbox itself counts, not one it happens to be inside of.
    if not _output("git", "-C", folder, "ls-files", "--error-unmatch", __file__):
        return ""
    commit = _output("git", "-C", folder, "rev-parse", "--short=12", "HEAD")
    return commit + (
        "+" if _output("git", "-C", folder, "status", "--porcelain") else ""
    )


def _output(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
