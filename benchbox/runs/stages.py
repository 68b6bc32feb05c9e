"""Loads, splits and audits the data sets of a run."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from benchbox.data import (
    Dataset,
    DatasetCard,
    card_for_files,
    files_of,
    is_file_choice,
    load_dataset,
    locate,
    names_of,
    spelt,
    split_settings,
)
from benchbox.errors import ProtocolError, ResultsError, UsageError
from benchbox.options import Options, decode, split_choice
from benchbox.plugins import Registry
from benchbox.protocols import (
    FILES,
    Fold,
    Protocol,
    check_fold_ids,
    import_folds,
    make_folds,
    pinned_ids,
    refuse_leaks,
)
from benchbox.records import RunConfig, RunRecord
from benchbox.reports import audit_warnings
from benchbox.runs.plan import Stage

Notify = Callable[[str], None]
"""A function that shows one line to the user."""


class Stages:
    """Loads each data set once and splits it by protocols.

    Attributes:
        refused: Why protocols could not split a data set, where there were others.

    Args:
        registry: Installed plugins.
        notify: Shows lines about unavailable sources, downloads and warnings of the
            audit.
        columns: Names of the columns in the user's own files.
    """

    def __init__(self, registry: Registry, notify: Notify, columns: str = "") -> None:
        self._registry, self._notify, self._columns = registry, notify, columns
        self._loaded: dict[str, Dataset] = {}
        self._names: dict[str, str] = {}
        self.refused: list[ProtocolError] = []

    def is_here(self, text: str) -> bool:
        """Return whether the data set that *text* names is on this machine.

        Raises:
            UsageError: It is neither an installed data set nor a file.
        """
        card, settings = find_dataset(text, self._registry, self._columns)
        return locate(card, settings, kind_of=self._registry.source_kind).is_here

    def dataset(self, text: str) -> Dataset:
        """Return the data set that *text* names, with options.

        Raises:
            UsageError: A name or an option is unknown.
            DataError: The data set cannot be found, downloaded or read.
        """
        if text not in self._loaded:
            card, settings = find_dataset(text, self._registry, self._columns)
            dataset = load_dataset(
                card, settings, kind_of=self._registry.source_kind, notify=self._notify
            )
            dataset = dataset.called(self._names.get(text, dataset.name))
            for note in dataset.notes:
                self._notify(f"{dataset.name}: {note}")
            self._loaded[text] = dataset
        return self._loaded[text]

    def tell_apart(self, texts: Sequence[str]) -> None:
        """Name own files of one name, such as those of two folders, by their folders.

        Args:
            texts: All data sets of a run, as on the command line.

        Raises:
            UsageError: One is neither an installed data set nor a file.
        """
        own = {
            text: files_of(files)
            for text in texts
            if (files := _named_files(text, self._registry)[0])
        }
        names = names_of(list(own.values()))
        self._names = dict(zip(own, names, strict=True))

    def stage(self, text: str, protocol: str, wanted: Sequence[str] = ()) -> Stage:
        """Split a data set by a protocol and audit the folds.

        Args:
            text: Data set, as on the command line.
            protocol: Protocol, as on the command line; empty for the data set's own.
            wanted: Names of folds; empty for the data set's default folds.

        Raises:
            UsageError: A name or an option is unknown.
            DataError: The data set cannot be found, downloaded or read.
            ProtocolError: The protocol cannot split the data.
            LeakError: The split leaks hidden ratings to the models.
        """
        dataset = self.dataset(text)
        choice = protocol or dataset.card.default_protocol
        folds = split(dataset, choice, wanted, self._registry)
        pinned = pinned_ids(dataset, folds)
        stage = Stage(
            dataset=dataset,
            folds=folds,
            standard=all(fold.name in pinned for fold in folds),
        )
        refuse_leaks(folds, stage.audits, dataset.name)
        _warn(stage, self._notify)
        return stage

    def all(self, config: RunConfig) -> list[Stage]:
        """Return a stage for each data set and protocol of *config*.

        Where a protocol cannot split a data set, the others are returned.

        Raises:
            BenchboxError: As in `stage`; or no protocol can split any of them.
        """
        self.tell_apart(config.datasets)
        return self.possible(
            [
                partial(self.stage, text, protocol, config.folds)
                for text, protocol in _asked(config)
            ]
        )

    def possible(self, asked: Sequence[Callable[[], Stage]]) -> list[Stage]:
        """Return the stages that *asked* makes, without those that cannot be split.

        Raises:
            ProtocolError: No stage is left.
        """
        made: list[Stage] = []
        for make in asked:
            try:
                made.append(make())
            except ProtocolError as error:
                self.refused.append(error)
        if not made and self.refused:
            raise self.refused[0]
        for refused in self.refused:
            self._notify(f"benchbox: left out: {refused}")
        return made

    def rebuild(self, run: RunRecord, number: int) -> Stage:
        """Load and split the data set of an earlier run's stage again.

        Args:
            run: Record of the run.
            number: Index of the stage in the record.

        Raises:
            BenchboxError: As in `stage`.
        """
        config, stage = run.config, run.stages[number]
        cases = [each.case.dataset for each in run.stages if each.case is not None]
        self.tell_apart(cases or config.datasets)
        folds = [fold.name for fold in stage.folds]
        if stage.case is not None:
            # The data set used then, even if the case's own is available now.
            return self.stage(stage.case.dataset, stage.case.protocol, folds)
        asked = _asked(config)
        if len(asked) == len(run.stages) and not run.merged:
            return self.stage(*asked[number], folds)
        # Some were left out, or others asked for those of their own: the one is meant
        # that has the same label.
        for text, protocol in asked:
            with suppress(ProtocolError):
                made = self.stage(text, protocol, folds)
                if made.record().label == stage.label:
                    return made
        raise ResultsError(f"{stage.label} cannot be split again as run {run.id} did.")


def _asked(config: RunConfig) -> list[tuple[str, str]]:
    """Return the data sets and protocols asked for, each with each."""
    protocols = config.protocols or ("",)
    return [(text, protocol) for text in config.datasets for protocol in protocols]


def find_dataset(
    text: str, registry: Registry, columns: str = ""
) -> tuple[DatasetCard, dict[str, str]]:
    """Return the card and the settings of a data set named on the command line.

    Raises:
        UsageError: It is neither an installed data set nor a file.
    """
    text = spelt(text)
    files, settings = _named_files(text, registry)
    if files:
        return card_for_files(files, columns or None), settings
    name, settings = split_choice(text)
    card: DatasetCard = registry.find("datasets", name).value
    return card, settings


def _named_files(text: str, registry: Registry) -> tuple[str, dict[str, str]]:
    """Return the files and settings that *text* names; none if it names a data set."""
    if text.partition(":")[0].strip() in registry.offers["datasets"]:
        return "", {}
    files, rest = split_settings(text)
    if not is_file_choice(files):
        return "", {}
    return files, split_choice(f"files:{rest}")[1] if rest else {}


def split(
    dataset: Dataset, choice: str, wanted: Sequence[str], registry: Registry
) -> list[Fold]:
    """Split a data set and check the ids of the folds.

    Args:
        dataset: Data set to split.
        choice: Protocol with options, as on the command line.
        wanted: Names of folds; empty for the data set's default folds.
        registry: Installed plugins.

    Raises:
        UsageError: A name or an option is unknown.
        ProtocolError: The protocol cannot split the data set.
        DataError: A fold id differs from the one in the data set's card.
    """
    if lists_of(choice) is not None:
        folds = _imported(dataset, choice, registry)
        check_fold_ids(dataset, folds)
        return _pick(folds, wanted, dataset.name)
    name, options_text = split_choice(choice)
    protocol: Protocol = registry.find("protocols", name).value
    options: Options = decode(protocol.options, options_text, protocol.name)
    folds = make_folds(
        dataset.ratings, protocol, options, dataset.folds, dataset.validation
    )
    check_fold_ids(dataset, folds)
    defaults = dataset.card.default_folds if protocol.name == "official" else ()
    return _pick(folds, wanted or defaults, dataset.name)


def lists_of(choice: str) -> Path | None:
    """Return the folder of lists that a protocol names, as in ``files:DIR``, if any."""
    name, _, folder = choice.partition(":")
    return Path(folder.strip()).expanduser() if name.strip() == FILES.name else None


def _imported(dataset: Dataset, choice: str, registry: Registry) -> list[Fold]:
    folder = lists_of(choice)
    if folder is None or folder == Path():
        raise UsageError(
            "The protocol 'files' needs a folder of lists. Write it as -p files:DIR."
        )

    def protocol_of(name: str) -> Protocol:
        if name == FILES.name:
            return FILES
        found: Protocol = registry.find("protocols", name).value
        return found

    return import_folds(folder, dataset.ratings, protocol_of)


def _warn(stage: Stage, notify: Notify) -> None:
    record = stage.record()
    for text in audit_warnings(record):
        notify(f"benchbox: {record.label}, {text}.")


def _pick(folds: list[Fold], wanted: Sequence[str], dataset: str) -> list[Fold]:
    by_name = {fold.name: fold for fold in folds}
    for name in wanted:
        if name not in by_name:
            raise UsageError(
                f"Protocol {folds[0].protocol.name!r} on {dataset} has no fold "
                f"{name!r}. Its folds: {', '.join(by_name)}."
            )
    return [by_name[name] for name in wanted] if wanted else folds
