"""JSON schema of the records, as stored in ``results/schema.json``."""

from inspect import cleandoc
from typing import Any

import msgspec

from benchbox.records.run import RunRecord
from benchbox.records.trial import TrialRecord


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of the records, as stored in ``results/schema.json``."""
    (run, trial), definitions = msgspec.json.schema_components([RunRecord, TrialRecord])
    for schema in definitions.values():
        # Python 3.13 removes the indentation of docstrings; earlier versions do not.
        schema["description"] = cleandoc(schema["description"])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Records of benchbox, by file",
        "properties": {"run.json": run, "trials/*.json": trial},
        "$defs": {
            name.rpartition("/")[2]: schema for name, schema in definitions.items()
        },
    }
