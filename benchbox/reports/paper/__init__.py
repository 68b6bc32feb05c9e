"""What a paper needs beside its tables: an appendix, and a checklist."""

from benchbox.reports.paper.appendix import appendix as appendix
from benchbox.reports.paper.checklist import checklist as checklist
from benchbox.reports.paper.parts import PAPER_FORMATS as PAPER_FORMATS
from benchbox.reports.paper.parts import Part as Part
