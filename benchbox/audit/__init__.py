"""Audit: whether anything of the hidden ratings can reach a model, fold by fold."""

from benchbox.audit.canary import redraw_hidden as redraw_hidden
from benchbox.audit.findings import Audit as Audit
from benchbox.audit.findings import Finding as Finding
from benchbox.audit.findings import Severity as Severity
from benchbox.audit.findings import refuse_leaks as refuse_leaks
from benchbox.audit.fold import audit_fold as audit_fold
