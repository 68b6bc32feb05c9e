"""Names of the files of a run."""

from benchbox.records.trial import TrialRecord


def trial_name(record: TrialRecord) -> str:
    """Return the name of a trial's files."""
    parts = (f"s{record.stage}", record.fold, f"m{record.model:02d}", record.label[:60])
    again = (f"t{record.repeat}",) if record.repeat else ()
    return _as_file_name("-".join((*parts, f"r{record.replicate}", *again)))


def distribution_file(record: TrialRecord) -> str:
    """Return the file of a trial's distributions, within the folder of its run."""
    return f"predictions/{trial_name(record)}.distribution.npy"


def reference_file(record: TrialRecord) -> str:
    """Return the file of the bias model's predictions for a trial's fold."""
    return f"references/s{record.stage}-{_as_file_name(record.fold)}.npy"


def digest_file(name: str) -> str:
    """Return the file with the hash of the predictions in the file *name*."""
    return f"{name.removesuffix('.npy')}.blake2b"


def _as_file_name(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_=." else "_" for c in name)
