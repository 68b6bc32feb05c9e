"""Audit of folds: checks that nothing about hidden ratings can reach a model."""

from benchbox.protocols.audit.canary import redraw_hidden as redraw_hidden
from benchbox.protocols.audit.dataset import data_findings as data_findings
from benchbox.protocols.audit.findings import Audit as Audit
from benchbox.protocols.audit.findings import Finding as Finding
from benchbox.protocols.audit.findings import Severity as Severity
from benchbox.protocols.audit.findings import refuse_leaks as refuse_leaks
from benchbox.protocols.audit.fold import audit_fold as audit_fold
from benchbox.protocols.audit.question_times import TIME_FINDINGS as TIME_FINDINGS
