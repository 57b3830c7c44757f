"""Writes TREC's training questions as a CSV with 8 labels per class kept: the real set of the continuous check.

usage: TACIT_DATA=... python benchmarks/real_run.py OUT.csv
"""

from __future__ import annotations

import csv
import gzip
import os
import sys
from pathlib import Path

import numpy as np


def main(out: Path) -> None:
    """Ids, texts, and labels of 8 questions per class (seed 0)."""
    with gzip.open(Path(os.environ["TACIT_DATA"]) / "text_trec" / "trec.csv.gz", "rt", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "train"]
    label = np.array([row["label_abbr"] for row in rows])
    rng = np.random.default_rng(0)
    kept = {int(i) for c in np.unique(label) for i in rng.permutation(np.flatnonzero(label == c))[:8]}
    with out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text", "label"])
        writer.writerows([f"q{i}", row["text"], label[i] if i in kept else ""] for i, row in enumerate(rows))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
