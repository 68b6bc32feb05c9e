"""One id for the same rows, in every format."""

import gzip
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from tests.support.commands import Benchbox

# Beyond 2**53 a float skips numbers.
SECOND = 1_004_279_348_000_000_001
ROWS = [
    (u, i, 1 + (u * i) % 5, SECOND + 86_400_000_000_001 * (u * 9 + i))
    for u in range(1, 9)
    for i in range(1, 9)
]


def test_the_same_rows_have_one_fold_id_in_every_format(
    benchbox: Benchbox, tmp_path: Path
) -> None:
    names = ["user", "item", "rating", "timestamp"]
    text = "\n".join([",".join(names), *(",".join(map(str, r)) for r in ROWS), ""])
    noted = text.replace("\n", ",hi\n").replace(",hi", ",note", 1)
    (tmp_path / "a.csv").write_text(text)
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(text.encode()))
    (tmp_path / "d.csv").write_text(noted)
    columns = dict(zip(names, map(list, zip(*ROWS, strict=True)), strict=True))
    parquet.write_table(pa.table(columns), tmp_path / "c.parquet")

    ids = set()
    for name in ("a.csv", "b.csv.gz", "d.csv", "c.parquet"):
        done = benchbox(f"data folds {tmp_path / name} -p holdout")
        assert done.code == 0, done.err
        ids |= {
            line.split()[-1] for line in done.out.splitlines() if "holdout " in line
        }

    assert len(ids) == 1
