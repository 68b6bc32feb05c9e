"""The page of a run: one HTML file with tables, charts and the story of each trial."""

from benchbox.reports.pages.document import page as page
from benchbox.reports.pages.sources import Source as Source
from benchbox.reports.pages.study import Chapter as Chapter
from benchbox.reports.pages.study import Study as Study
from benchbox.reports.pages.study import study_of as study_of
