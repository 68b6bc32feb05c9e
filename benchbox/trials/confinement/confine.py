"""Confines this process, before any code of a model is imported."""

import os
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from benchbox.machine import keep_peak_memory_resettable
from benchbox.records import NOT_ENFORCED, Access, ModelQuestion, TrialJob
from benchbox.trials.confinement import kernel, landlock, mounts, rules, seccomp
from benchbox.trials.confinement.landlock import DEVICE, LIST, READ, WRITE, Ruleset
from benchbox.trials.confinement.private import move_in
from benchbox.trials.confinement.state import set_confined

_OWN_MOUNTS = "own mounts"


def offered() -> str:
    """Return what this machine offers to confine trials, as in their records."""
    abi, filters = landlock.version(), seccomp.is_offered()
    if abi:
        return f"landlock {abi}{', seccomp' if filters else ''}"
    if sys.platform != "linux":
        return f"{NOT_ENFORCED}: only Linux can confine a process"
    return f"{NOT_ENFORCED}: no Landlock on this system"


def prepare() -> None:
    """Look up, in the process that will fork, what is the same for all its children."""
    offered()
    rules.of_the_installation()
    rules.listed()
    rules.devices()
    mounts.are_possible()
    if sys.platform == "linux" and seccomp.is_offered():
        is_local = mounts.are_possible() and landlock.version() >= landlock.SCOPED
        families = seccomp.families(network=False, local=is_local)
        seccomp.packed_filter(families=families, processes=_lineage(os.getpid()))


def confine_trial(job: TrialJob) -> str:
    """Confine this process to what a trial needs; return what is enforced.

    It must have no other thread, and no descriptor open but its own.

    Raises:
        OSError: The kernel refuses what it offers.
    """
    # Ratings that are held back so far will be in the folder *asked*.
    folders = (job.train, job.history, job.validation, job.validation_history)
    given = [folder for folder in (*folders, job.refit, job.asked) if folder]
    own = [job.out] if job.keep is None else [job.out, job.keep]
    for folder in own:
        os.makedirs(folder, exist_ok=True)
    return _confine(job.access, job.target, given, own)


def confine_question(question: ModelQuestion) -> str:
    """Confine this process to what describing a model needs; see `confine_trial`."""
    return _confine(question.access, question.target, [], [question.scratch])


def _confine(
    access: Access, target: str, given: Sequence[str], own: Sequence[str]
) -> str:
    found, abi = offered(), landlock.version()
    if sys.platform != "linux":
        move_in(own[0], access.read)
        return found
    _check_alone()
    keep_peak_memory_resettable()
    hidden = list(map(os.fsdecode, access.hidden))
    code = rules.without(rules.of_code(target), hidden)
    installed = rules.without(rules.of_the_installation(), hidden)
    readable = [*installed, *code, *given, *access.read]
    has_view = mounts.are_possible()
    if has_view:
        mounts.make_own_view(own, readable)
        found += f", {_OWN_MOUNTS}" if abi else ""
    move_in(own[0], access.read)
    # The zygote, and the runner that it belongs to.
    others = _lineage(os.getppid())
    kernel.drop_capabilities()
    kernel.refuse_new_privileges()
    if abi:
        ruleset = Ruleset(abi, network=access.network)
        _allow(ruleset, readable, READ)
        _allow(ruleset, (*rules.listed(), *rules.above(target)), LIST)
        _allow(ruleset, rules.devices(), DEVICE)
        _allow(ruleset, [*own, mounts.SHARED_MEMORY] if has_view else own, WRITE)
        ruleset.enforce()
        set_confined(found)
    if seccomp.is_offered():
        # Sockets within the trial need a Landlock that keeps them there.
        is_local = has_view and abi >= landlock.SCOPED
        families = seccomp.families(network=access.network, local=is_local)
        seccomp.enforce(families=families, processes=others)
    return found


def _allow(ruleset: Ruleset, paths: Iterable[str], rights: landlock.Right) -> None:
    for path in paths:
        ruleset.allow(path, rights)


def _check_alone() -> None:
    """Check that there is one thread: the kernel confines the one that asks.

    Raises:
        OSError: There are more.
    """
    if len(os.listdir("/proc/self/task")) > 1:
        raise OSError("its process has threads already, which cannot be confined")


@cache
def _lineage(process: int) -> tuple[int, ...]:
    """Return *process* and those that started it, the nearest first."""
    found = []
    while process > 1:
        found.append(process)
        # The name of a process, in brackets, may hold anything.
        stat = Path(f"/proc/{process}/stat").read_text(errors="replace")
        process = int(stat.rpartition(")")[2].split()[1])
    return tuple(found)
