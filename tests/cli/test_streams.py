"""Commands print on any terminal, outlive it, and say in one line what is refused."""

import errno
import fcntl
import io
import os
import pty
import resource
import signal
import struct
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import pytest

from benchbox.cli import main
from benchbox.cli.common import complain_of
from benchbox.cli.progress import TrialProgress
from benchbox.cli.streams import steady_streams
from tests.support.commands import Benchbox, Done

RUN = "run -d svd-toy -p kfold:n_folds=2 -m bias -m global-mean"
ENCODINGS = ("latin-1", "iso8859-15", "cp1252", "cp437", "koi8-r")


@pytest.fixture
def printed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[[str, list[str]], bytes]:
    """Run a command whose standard output and error are files of an encoding."""

    def call(encoding: str, words: list[str]) -> bytes:
        files = [tmp_path / name for name in ("out", "err")]
        streams = [file.open("w", encoding=encoding) for file in files]
        with monkeypatch.context() as context:
            context.setattr(sys, "stdout", streams[0])
            context.setattr(sys, "stderr", streams[1])
            main(words)
        for stream in streams:
            stream.close()
        return b"".join(file.read_bytes() for file in files)

    return call


# Signs that a terminal lacks.


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("line", ["--help", "list", "data show svd-toy", "run -d …"])
def test_every_sign_is_printed_in_any_encoding(
    printed: Callable[[str, list[str]], bytes], encoding: str, line: str
) -> None:
    text = printed(encoding, line.split()).decode(encoding)

    assert text.strip()
    assert "\\u" not in text


@pytest.mark.parametrize("encoding", ["latin-1", "cp437"])
def test_a_table_is_printed_whole_where_its_signs_are_lacking(
    benchbox: Benchbox, printed: Callable[[str, list[str]], bytes], encoding: str
) -> None:
    done = benchbox(RUN)

    text = printed(encoding, ["report", "--out", str(done.results)]).decode(encoding)

    lines = done.out.splitlines()
    assert len(text.splitlines()) >= len(lines) - 2
    shown = text.splitlines()
    # One sign for one keeps the columns where they are.
    assert [len(line) for line in shown] == [len(line) for line in lines[: len(shown)]]


def test_signs_are_replaced_by_similar_ones() -> None:
    with steady_output(None, "ascii") as (stream, written):
        stream.write("± 0.1 – a → b… ▽ ◆ ⚠ “x” 中")
        stream.flush()
        assert written() == b'+ 0.1 - a > b. v + ! "x" ?'


def test_data_for_programs_are_utf_8_in_any_locale(
    printed: Callable[[str, list[str]], bytes],
    benchbox: Benchbox,
    tmp_path: Path,
) -> None:
    (tmp_path / "r.csv").write_text(
        "user,item,rating\nä,中,1\nä,b,2\nc,中,4\nc,b,3\n", encoding="utf-8"
    )
    (tmp_path / "p.csv").write_text("user,item\nä,中\n", encoding="utf-8")
    assert benchbox("fit bias -d r.csv --out m").code == 0

    assert "ä,中," in printed("ascii", ["predict", "m", "p.csv"]).decode()


# An output that goes away.


@contextmanager
def steady_output(
    descriptor: int | None, encoding: str = "utf-8"
) -> Iterator[tuple[TextIO, Callable[[], bytes]]]:
    """Provide standard output on a file descriptor, or on a pipe, and what it got."""
    reader, writer = os.pipe()
    stream = open(  # noqa: SIM115
        writer if descriptor is None else descriptor, "w", encoding=encoding
    )
    earlier, sys.stdout = sys.stdout, stream
    try:
        with steady_streams():
            yield sys.stdout, lambda: os.read(reader, 1 << 16)
    finally:
        sys.stdout = earlier
        stream.close()
        os.close(reader)
        if descriptor is not None:
            os.close(writer)


def test_what_nobody_reads_is_dropped() -> None:
    reader, writer = os.pipe()
    os.close(reader)

    with steady_output(writer) as (stream, _):
        for _ in range(3):
            stream.write("a line\n")
            stream.flush()


def test_a_terminal_that_was_closed_takes_nothing_and_stops_nothing() -> None:
    terminal, theirs = pty.openpty()
    os.close(terminal)

    with steady_output(theirs) as (stream, _):
        stream.write("a line\n")
        stream.flush()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("width", [0, 40])
def test_what_a_terminal_is_told_breaks_between_words(monkeypatch, width) -> None:
    terminal, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    path = "/a/rather/long/path/that/is/copied/as/a/whole.csv"
    with os.fdopen(theirs, "w") as stream:
        monkeypatch.setattr("sys.stderr", stream)
        complain_of(f"nothing at all could be read from {path} today.\nDone.")
    told = os.read(terminal, 4096).decode()
    os.close(terminal)

    lines = told.split()
    assert path in lines
    assert len(told.splitlines()) == (5 if width else 2)


def test_an_output_that_is_full_is_an_error_once() -> None:
    with steady_output(os.open("/dev/full", os.O_WRONLY)) as (stream, _):
        stream.write("a line\n")
        with pytest.raises(OSError, match="No space left"):
            stream.flush()
        stream.flush()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("line", ["--help", "list", "data", "list nothing"])
def test_a_full_output_is_told_in_one_line(
    line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with open("/dev/full", "w") as full, monkeypatch.context() as context:
        context.setattr(sys, "stdout", full)
        code = main(line.split())
    (complaint,) = capsys.readouterr().err.splitlines()
    assert complaint.startswith("benchbox: ")
    full = "standard output: No space left"
    assert (full in complaint) == (code == 1)


def test_progress_that_nobody_reads_does_not_stop_a_run(
    benchbox: Benchbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w", buffering=1) as lost, monkeypatch.context() as context:
        context.setattr(sys, "stderr", lost)
        done = benchbox(f"{RUN} -v")

    assert done.code == 0
    assert done.folder.read_run().status == "finished"
    assert "bias" in done.out


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_streams_that_were_closed_from_the_start_are_done_without(
    benchbox: Benchbox, monkeypatch: pytest.MonkeyPatch, stream: str
) -> None:
    monkeypatch.setattr(sys, stream, None)

    # Descriptor 1 or 2 of the tests themselves takes what is printed.
    assert benchbox("data path").code == 0


def test_a_descriptor_that_was_closed_is_never_that_of_a_file(tmp_path: Path) -> None:
    kept = os.dup(0)
    os.close(0)
    try:
        with steady_streams():
            file = (tmp_path / "file").open("w")
            assert file.fileno() > 2
            file.close()
    finally:
        os.dup2(kept, 0)
        os.close(kept)


def test_streams_that_are_no_files_stay_as_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    notebook = io.StringIO()
    monkeypatch.setattr(sys, "stdout", notebook)

    with steady_streams():
        assert sys.stdout is notebook


# Signals.


class _Hurt(TrialProgress):
    """Progress that sends a signal to its own process after the first trial."""

    number = 0

    def trial_ended(self, *facts: Any) -> None:
        super().trial_ended(*facts)
        if len(self._left) == 3:
            os.kill(os.getpid(), self.number)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
def test_a_run_whose_terminal_closes_ends_as_interrupted_with_its_table(
    benchbox: Benchbox, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(_Hurt, "number", number)
    monkeypatch.setattr("benchbox.cli.run.TrialProgress", _Hurt)
    before = {n: signal.getsignal(n) for n in (signal.SIGHUP, signal.SIGTERM)}
    # In the background, shells have it ignored.
    interrupt = signal.signal(signal.SIGINT, signal.default_int_handler)

    try:
        done = benchbox(RUN)
    finally:
        signal.signal(signal.SIGINT, interrupt)

    assert done.code == 130
    assert done.folder.read_run().status == "interrupted"
    assert (done.folder.path / "table.md").is_file()
    assert "--resume" in done.err
    assert before == {n: signal.getsignal(n) for n in before}


def test_a_signal_that_is_ignored_stays_so(
    benchbox: Benchbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_Hurt, "number", signal.SIGHUP)
    monkeypatch.setattr("benchbox.cli.run.TrialProgress", _Hurt)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        done = benchbox(RUN)
    finally:
        signal.signal(signal.SIGHUP, before)

    assert done.code == 0
    assert done.folder.read_run().status == "finished"


def test_the_command_line_runs_in_a_thread(benchbox: Benchbox) -> None:
    done: list[Done] = []

    thread = threading.Thread(target=lambda: done.append(benchbox(RUN)))
    thread.start()
    thread.join()

    assert [one.code for one in done] == [0]


# What the system refuses.


@pytest.fixture
def saved(benchbox: Benchbox, tmp_path: Path) -> Path:
    (tmp_path / "p.csv").write_text("user,item\n1,1\n")
    assert benchbox("fit bias -d svd-toy --out m").code == 0
    return tmp_path / "m"


LONG = "y" * 300


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("predict m p.csv --out no/x.csv", "no/x.csv cannot be written: No such file"),
        ("predict m p.csv --out no/x.csv", "There is no folder no: make it"),
        ("predict m p.csv --out p.csv/x", "p.csv/x cannot be written: Not a dir"),
        ("fit bias -d svd-toy --out p.csv/m", "p.csv is a file: name a folder."),
        (f"fit bias -d svd-toy --out {LONG}", "File name too long"),
        (f"run -d svd-toy -m bias --out {LONG}", "File name too long. Choose a short"),
        (f"run -d {LONG}.csv -m bias", "File name too long"),
        (f"run -d svd-toy -m {LONG}.py:M", "File name too long"),
        (f"report {LONG}", "File name too long"),
        (f"predict m {LONG}", "File name too long"),
        ("run -d ./pipe -m bias", "pipe' is a pipe or a device"),
        ("fit bias -d /dev/null --out new", "'/dev/null' is a pipe or a device"),
        ("run -d svd-toy -f 'u\udce9'", r"'u\udce9' is not UTF-8 text"),
    ],
)
def test_what_the_system_refuses_is_told_in_one_line(
    benchbox: Benchbox, saved: Path, line: str, text: str
) -> None:
    os.mkfifo("pipe")
    done = benchbox(line)

    last = done.err.strip().splitlines()[-1]
    assert done.code in (1, 2)
    assert last.startswith("benchbox: ")
    assert text in last
    assert "None" not in last
    assert [p.name for p in saved.parent.iterdir() if p.name.startswith(".")] == []


@pytest.mark.parametrize(
    "line", ["predict m p.csv --out x.csv", "run -d svd-toy -m bias"]
)
def test_a_limit_on_the_size_of_files_is_named(
    benchbox: Benchbox, saved: Path, line: str
) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8, before[1]))
    try:
        done = benchbox(line)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert saved.is_dir()
    assert done.code == 1
    assert "File too large" in done.err.splitlines()[-1]
    assert "ulimit -f" in done.err.splitlines()[-1]


def test_an_error_of_any_other_pipe_is_told_too(
    benchbox: Benchbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr("benchbox.cli.data.cache_folder", refuse)
    done = benchbox("data path")

    assert done.code == 1
    assert done.err == "benchbox: Broken pipe.\n"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError(), "Out of memory: no more is left."),
        (MemoryError("Unable to allocate 9 GiB"), "Out of memory: Unable to allocate"),
        (OSError("a reason alone"), "a reason alone."),
        (OSError(errno.EMFILE, "Too many open files", "f"), "f: Too many open files."),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), "/x: Permission de"),
        (OSError(errno.EROFS, "Read-only file system", b"/\xff"), "Choose another fol"),
        (TimeoutError(), "TimeoutError"),
        (EOFError(), "Interrupted."),
    ],
)
def test_whatever_else_goes_wrong_with_the_system_is_one_line(
    benchbox: Benchbox, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr("benchbox.cli.data.cache_folder", refuse)
    done = benchbox("data path")

    assert done.code in (1, 130)
    assert said in done.err
    assert done.err.strip().count("\n") == 0
    assert done.err.strip().startswith("benchbox: ")


def test_a_folder_that_has_gone_is_no_place_to_work_in(
    benchbox: Benchbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()

    assert benchbox("--help").code == 0
    done = benchbox("run -d svd-toy -m bias")

    assert done.code == 1
    assert done.err == (
        "benchbox: The folder you are in no longer exists. Change to another one.\n"
    )
