"""Protocols: named recipes that split ratings into visible and hidden ones."""

from benchbox.protocols.audit.canary import redraw_hidden as redraw_hidden
from benchbox.protocols.audit.dataset import data_findings as data_findings
from benchbox.protocols.audit.findings import Audit as Audit
from benchbox.protocols.audit.findings import Finding as Finding
from benchbox.protocols.audit.findings import refuse_leaks as refuse_leaks
from benchbox.protocols.audit.fold import audit_fold as audit_fold
from benchbox.protocols.audit.question_times import TIME_FINDINGS as TIME_FINDINGS
from benchbox.protocols.bundled import PROTOCOLS as PROTOCOLS
from benchbox.protocols.flawed import FLAWED as FLAWED
from benchbox.protocols.folds import Fold as Fold
from benchbox.protocols.folds import carve_validation as carve_validation
from benchbox.protocols.folds import make_folds as make_folds
from benchbox.protocols.folds import validation_fold as validation_fold
from benchbox.protocols.partition import Fraction as Fraction
from benchbox.protocols.partition import Partition as Partition
from benchbox.protocols.partition import Protocol as Protocol
from benchbox.protocols.partition import Seed as Seed
from benchbox.protocols.partition import hiding as hiding
from benchbox.protocols.pins import check_fold_ids as check_fold_ids
from benchbox.protocols.pins import fold_ids as fold_ids
from benchbox.protocols.pins import older_rule as older_rule
from benchbox.protocols.pins import pinned_ids as pinned_ids
from benchbox.protocols.random_splits import carve_random as carve_random
from benchbox.protocols.temporal import has_timestamps as has_timestamps
