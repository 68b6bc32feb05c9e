"""The JSON schema in results/ is that of the records."""

import json
from pathlib import Path

from benchbox.records.schema import json_schema

STORED = Path(__file__).parents[2] / "results" / "schema.json"


def test_the_stored_schema_is_that_of_the_records() -> None:
    wanted = json.dumps(json_schema(), indent=1) + "\n"

    assert STORED.read_text() == wanted, (
        "The records changed. Raise RESULT_FORMAT if readers must change, then store "
        "json.dumps(benchbox.records.json_schema(), indent=1) in results/schema.json."
    )


def test_the_schema_describes_every_field_of_a_trial() -> None:
    trial = json_schema()["$defs"]["TrialRecord"]

    assert {"key", "status", "metrics", "wall_seconds"} <= set(trial["properties"])
