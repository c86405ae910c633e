# ruff: noqa: INP001 - a script, run by its path
"""Write survey/targets/special.csv anew from IANA's table (see the runbook beside this file)."""

import argparse
import csv
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

from survey.targets.ranges import parse_cidr

TARGET = Path(__file__).resolve().parents[2] / "survey" / "targets" / "special.csv"

# In another registry of IANA's (IPv4 Address Space), but no less special.
MULTICAST = ("224.0.0.0/4", "Multicast", "RFC 5771")

HEADER = """\
# IPv4 space that is set aside for special purposes; the gate never lets a survey send there.
# source: IANA IPv4 Special-Purpose Address Registry (RFC 6890, RFC 8190), and 224.0.0.0/4 from the
# IANA IPv4 Address Space Registry
# date: {date}, table as of then; infra/special-purpose/regenerate.py renews it
"""


def read_blocks(path: Path) -> list[tuple[str, str, str]]:
    """(block, name, reference) of every block in IANA's CSV and multicast, in address order.

    IANA's cells hold footnote marks (``192.0.0.0/24 [2]``), several blocks (``a/32, b/32``) and
    line breaks.  One block that can't be read ends it all.
    """
    blocks = [MULTICAST]
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            name = " ".join(row["Name"].replace('"', "").split())
            reference = re.search(r"\[?RFC\s?(\d+)", row["RFC"])
            cells = re.sub(r"\[\d+\]", "", row["Address Block"]).split(",")
            blocks += [
                (cell.strip(), name, f"RFC {reference.group(1)}" if reference else "IANA")
                for cell in cells
            ]
    return sorted(
        blocks, key=lambda block: (parse_cidr(block[0]).start, -len(parse_cidr(block[0])))
    )


def main() -> None:
    """Parse the arguments, read, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", type=Path, help="IANA's iana-ipv4-special-registry-1.csv")
    parser.add_argument("--date", default=f"{datetime.now(UTC):%Y-%m-%d}", help="of the table")
    parser.add_argument("--out", type=Path, default=TARGET)
    given = parser.parse_args()
    blocks = read_blocks(given.table)
    with given.out.open("w", encoding="utf-8", newline="") as file:
        file.write(HEADER.format(date=given.date))
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("block", "name", "reference"))
        writer.writerows(blocks)
    sys.stderr.write(f"{given.out}: {len(blocks)} blocks\n")


if __name__ == "__main__":
    main()
