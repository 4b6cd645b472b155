"""Split iris into a training part and a test part that have the same share of every species."""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--iris", type=Path, required=True)
    parser.add_argument("--test-share", type=float, required=True)
    parser.add_argument("--parts", type=Path, required=True)
    options = parser.parse_args()
    with options.iris.open(newline="") as file:
        rows = list(csv.DictReader(file))
    by_species = defaultdict(list)
    for row in rows:
        by_species[row["species"]].append(row)
    parts: dict[str, list[dict[str, str]]] = {"training": [], "test": []}
    for members in by_species.values():
        tests = round(len(members) * options.test_share)
        parts["test"] += members[:tests]
        parts["training"] += members[tests:]
    for name, members in parts.items():
        with (options.parts / f"{name}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(members)
        print(f"{name}: {len(members)} rows")


if __name__ == "__main__":
    main()
