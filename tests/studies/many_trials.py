"""Runs very many tiny trials, and says what benchbox itself takes for each.

    python tests/studies/many_trials.py --out FOLDER [--folds 2500] [--minutes 5]

Four models that fit in no time, on that many folds of a few ratings. A run that has not
finished after some minutes is interrupted; the same command then goes on with it. In
the end it says

- the wall-clock seconds per trial that are in no phase of it: starting its process,
  handing it files, scoring, writing its record;
- the resident memory of the runner, as the number of its trials grew;
- what `benchbox report` takes.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil

from benchbox.records import RunFolder

MODELS = ("global-mean", "user-mean", "item-mean", "bias")
DATA = "synthetic:n_users=30,n_items=20,n_ratings=300"
N_FOLDS = 50
"""Of each repetition of the split."""

EVERY_SECONDS = 5.0
BENCHBOX = (sys.executable, "-P", "-m", "benchbox")


def command(out: Path, folds: int) -> list[str]:
    """Return the command that begins the run in *out*, or goes on with it."""
    if any(out.glob("*/run.json")):
        return [*BENCHBOX, "run", "--resume", "last", "--out", str(out), "--quiet"]
    words = [word for model in MODELS for word in ("-m", model)]
    words += ["-d", DATA, "-p", f"kfold:n_folds={N_FOLDS},repeats={folds // N_FOLDS}"]
    words += ["--threads", "1", "--device", "cpu", "--drop-predictions", "--quiet"]
    return [*BENCHBOX, "run", *words, "--out", str(out)]


def part(out: Path, folds: int, minutes: float) -> list[dict[str, float]]:
    """Run trials for some minutes; return seconds, trials and bytes now and then."""
    environment = os.environ | {"BENCHBOX_REPORT": "off", "BENCHBOX_OFFLINE": "1"}
    samples: list[dict[str, float]] = []
    with subprocess.Popen(
        command(out, folds), stdout=subprocess.DEVNULL, env=environment
    ) as process:
        began = time.monotonic()
        while process.poll() is None:
            time.sleep(EVERY_SECONDS)
            seconds = time.monotonic() - began
            samples.append({"seconds": seconds} | _state(process.pid, out))
            if seconds > 60 * minutes:
                process.terminate()
                process.wait()
    return samples


def _state(pid: int, out: Path) -> dict[str, float]:
    try:
        n_bytes = psutil.Process(pid).memory_info().rss
    except psutil.NoSuchProcess:
        n_bytes = 0
    found = [*out.glob("*/trials")]
    n_trials = sum(1 for _ in os.scandir(found[0])) if found else 0
    return {"trials": n_trials, "bytes": n_bytes}


def summary(out: Path, parts: list[list[dict[str, float]]]) -> str:
    """Return what the trials of a run took beside themselves."""
    folder = RunFolder.find("last", out)
    records = folder.examine().records
    own = sum(sum(record.wall_seconds.values()) for record in records)
    seconds = trials = 0.0
    for samples in parts:
        seen = [one for one in samples if one["bytes"]]
        # From the first trial to the last one of a part: not planning, not tables.
        moving = [one for one in seen if one["trials"] > seen[0]["trials"]]
        if moving:
            last = next(one for one in seen if one["trials"] == seen[-1]["trials"])
            first = moving[0]
            seconds += last["seconds"] - first["seconds"]
            trials += last["trials"] - first["trials"]
    each = own / len(records)
    lines = [
        f"{len(records):,} trials, {sum(r.status == 'ok' for r in records):,} ok; "
        f"{seconds / trials:.4f} s each, {each:.4f} s of them in phases: overhead "
        f"{seconds / trials - each:.4f} s."
    ]
    for number, samples in enumerate(parts, 1):
        seen = [one for one in samples if one["bytes"]]
        steps = [seen[len(seen) * k // 5] for k in range(1, 5)] + seen[-1:]
        shown = (f"{s['bytes'] / 2**20:.0f} at {s['trials']:,.0f}" for s in steps)
        lines.append(f"MiB of the runner, part {number}: {', '.join(shown)} trials.")
    began = time.perf_counter()
    subprocess.run(
        [*BENCHBOX, "report", "last", "--out", str(out)],
        stdout=subprocess.DEVNULL,
        check=True,
    )
    lines.append(f"report: {time.perf_counter() - began:.2f} s.")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--folds", type=int, default=2_500)
    parser.add_argument("--minutes", type=float, default=5.0)
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    notes = asked.out / "samples.json"
    parts = json.loads(notes.read_text()) if notes.exists() else []
    parts.append(part(asked.out, asked.folds, asked.minutes))
    notes.write_text(json.dumps(parts))
    run = RunFolder.find("last", asked.out).read_run()
    if run.status != "finished":
        print("The run has not finished. Call the same command again.")
        return
    print(summary(asked.out, parts))


if __name__ == "__main__":
    main()
