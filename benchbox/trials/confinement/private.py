"""A trial's own folders, in place of those that all processes of a user share."""

import os
import sys
import tempfile
from collections.abc import Collection
from contextlib import suppress

from benchbox.machine import CACHE_VARIABLES

HOME, TEMPORARY, WORK, COMPILED = "home", "tmp", "work", "compiled"
"""Folders in the scratch folder of a trial."""

_IN_HOME = {
    "XDG_CACHE_HOME": ".cache",
    "XDG_CONFIG_HOME": ".config",
    "XDG_DATA_HOME": ".local/share",
    "XDG_STATE_HOME": ".local/state",
    "XDG_RUNTIME_DIR": ".run",
    "MPLCONFIGDIR": ".config/matplotlib",
    "TORCH_HOME": ".cache/torch",
    "HF_HOME": ".cache/huggingface",
    **{name: f".cache/{folder}" for name, folder in CACHE_VARIABLES.items()},
    "SCIKIT_LEARN_DATA": ".cache/scikit-learn",
}

_FOR_COMPILERS = {
    "NUMBA_CACHE_DIR": "numba",
    "TORCHINDUCTOR_CACHE_DIR": "inductor",
    "TRITON_CACHE_DIR": "triton",
    "TORCH_EXTENSIONS_DIR": "extensions",
}

_TEMPORARY = ("TMPDIR", "TEMP", "TMP", "JOBLIB_TEMP_FOLDER")

_SHARED_FOLDERS = ("BENCHBOX_DATA", "BENCHBOX_CACHE")


def move_in(scratch: str, readable: Collection[str] = ()) -> None:
    """Make *scratch* the home of this process, its temporary folder and its caches.

    The folders are made, the environment says where they are, and the working folder
    is one of them.

    Args:
        scratch: The folder.
        readable: Shared folders whose names stay in the environment.
    """
    home, temporary, work, compiled = (
        f"{scratch}/{name}" for name in (HOME, TEMPORARY, WORK, COMPILED)
    )
    for folder in (home, temporary, work, compiled):
        with suppress(FileExistsError):
            os.mkdir(folder, mode=0o700)
    for name in _SHARED_FOLDERS:
        if os.environ.get(name) not in readable:
            os.environ.pop(name, None)
    os.environ.update(dict.fromkeys(_TEMPORARY, temporary))
    os.environ["HOME"] = home
    for above, places in ((home, _IN_HOME), (compiled, _FOR_COMPILERS)):
        os.environ.update({name: f"{above}/{part}" for name, part in places.items()})
    tempfile.tempdir = None
    os.chdir(work)
    if (numba := sys.modules.get("numba")) is not None:
        # It has read its variables already.
        numba.config.CACHE_DIR = os.environ["NUMBA_CACHE_DIR"]
