"""What a page is about: tables with their statistics, and the trials of the runs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from benchbox.analysis import Analysis
from benchbox.data import DatasetCard
from benchbox.plugins import ColumnSpec
from benchbox.records import RunFolder, RunRecord, StageRecord
from benchbox.reports.leaderboard import Leaderboard
from benchbox.reports.merge import RunTrials, merged
from benchbox.reports.pages.sources import Source, sources_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """One table, and the statistics of the runs in it.

    Attributes:
        board: The table.
        analyses: Statistics of each run that has this data set and protocol.
    """

    board: Leaderboard
    analyses: Sequence[Analysis] = ()

    @property
    def analysis(self) -> Analysis | None:
        """The statistics, if they are about all models of the table."""
        return self.analyses[0] if len(self.analyses) == 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """Everything that one page shows.

    Attributes:
        run: The run, or several as one.
        runs: Each run with its trials.
        folders: Folder of each run, for the logs of its trials.
        chapters: The tables.
        sources: Data sets of the runs.
        without_statistics: Why there are no statistics over users and slices; empty if
            there are.
    """

    run: RunRecord
    runs: Sequence[RunTrials]
    folders: Sequence[RunFolder]
    chapters: Sequence[Chapter]
    sources: Sequence[Source] = field(default_factory=list)
    without_statistics: str = ""


def study_of(
    folders: Sequence[RunFolder],
    analyses: Iterable[Analysis] = (),
    *,
    cards: Mapping[str, DatasetCard],
    columns: Sequence[ColumnSpec] = (),
    without_statistics: str = "",
) -> Study:
    """Return what a page on some runs shows.

    Args:
        folders: The runs, at least one.
        analyses: Statistics of their stages, as far as there are any.
        cards: Installed data sets by name.
        columns: Columns that plugins add.
        without_statistics: Why there are no statistics, if there are none.

    Raises:
        ResultsError: The runs' figures differ in their definitions.
    """
    runs = [(folder.read_run(), folder.examine().records) for folder in folders]
    run, boards = merged(runs, columns)
    known = list(analyses)
    return Study(
        run=run,
        runs=runs,
        folders=folders,
        chapters=[
            Chapter(
                board=board,
                analyses=[a for a in known if _is_about(a.stage, board.stage)],
            )
            for board in boards
        ],
        sources=sources_of((s for run, _ in runs for s in run.stages), cards),
        without_statistics=without_statistics,
    )


def _is_about(one: StageRecord, other: StageRecord) -> bool:
    def what(stage: StageRecord) -> tuple[object, ...]:
        ids = tuple(fold.id for fold in stage.folds)
        case = stage.case.title if stage.case else ""
        return stage.data_id, stage.label, ids, case

    return what(one) == what(other)
