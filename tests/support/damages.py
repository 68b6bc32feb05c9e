"""Damages: what disks, copies and people do to a file."""

import os
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

Damage = Callable[[Path], None]


def empty(file: Path) -> None:
    file.write_bytes(b"")


def remove(file: Path) -> None:
    file.unlink()


def cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def lengthen(file: Path) -> None:
    with file.open("ab") as out:
        out.write(b"\0" * 64)


def flip_last(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-2] ^= 1
    file.write_bytes(content)


def flip_header(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[min(9, len(content) - 1)] ^= 0x10
    file.write_bytes(content)


def noise(file: Path) -> None:
    size = file.stat().st_size
    file.write_bytes(np.random.default_rng(0).bytes(size))


def pickled(file: Path) -> None:
    with file.open("wb") as out:
        np.save(out, np.array([print, None], dtype=object))


def make_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def make_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def link(file: Path) -> None:
    target = file.parents[1] / f"was-{file.name}"
    file.rename(target)
    file.symlink_to(target)


DAMAGES: tuple[Damage, ...] = (
    empty,
    remove,
    cut,
    lengthen,
    flip_last,
    flip_header,
    noise,
    pickled,
    make_folder,
    make_pipe,
    link,
)


def damaged(content: bytes, rng: random.Random, scraps: Sequence[bytes]) -> bytes:
    """Return *content* cut, changed, doubled in part, with a gap or one of *scraps*."""
    changed = bytearray(content)
    place = rng.randrange(len(changed))
    match rng.randrange(5):
        case 0:
            del changed[place:]
        case 1:
            changed[place] = rng.randrange(256)
        case 2:
            changed[place:place] = rng.choice(scraps)
        case 3:
            changed += changed[place:]
        case 4:
            del changed[place : place + rng.randrange(1, 9)]
    return bytes(changed)
