"""Addresses counted into ranges, and jurisdictions as sets of addresses."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from survey.analysis.space import held_by_country, held_by_network, territory
from survey.model.address import MAX_IP, Range
from survey.model.agency import Jurisdiction
from survey.storage.registries import Snapshot, SnapshotKind
from survey.targets.ranges import RangeSet

EDGES = st.lists(st.integers(0, 60), min_size=2, max_size=12, unique=True)


def ranges(edges: list[int]) -> list[Range]:
    """Disjoint ranges between pairs of edges."""
    ordered = sorted(edges)
    return [Range(a, b) for a, b in zip(ordered[::2], ordered[1::2], strict=False)]


def snapshot(folder: Path, kind: SnapshotKind, rows: list[dict]) -> Snapshot:
    """A snapshot with these rows."""
    path = folder / f"{kind}.parquet"
    pq.write_table(pa.Table.from_pylist(rows, schema=kind.schema), path)
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    return Snapshot("x", kind, "x", "", "", moment, "", len(rows), (), path)


def row(part: Range, **rest: object) -> dict:
    """One range of a snapshot."""
    return {"range_start": part.start, "range_end": part.end, **rest}


@given(space=EDGES, registry=EDGES, shift=st.sampled_from([0, MAX_IP - 60]))
def test_every_address_is_counted_once(
    tmp_path_factory: object, space: list[int], registry: list[int], shift: int
) -> None:
    """Counting by search gives what counting one by one gives, also at the end of the space."""
    tested = [Range(part.start + shift, part.end + shift) for part in ranges(space)]
    known = [Range(part.start + shift, part.end + shift) for part in ranges(registry)]
    folder = tmp_path_factory.mktemp("space")  # type: ignore[attr-defined]
    rows = [row(part, country="ESMXFI"[n % 3 * 2 :][:2]) for n, part in enumerate(known)]
    held = held_by_country(RangeSet.of(tested), snapshot(folder, SnapshotKind.COUNTRY, rows))
    expected: dict[str | None, int] = {}
    for part in tested:
        for ip in range(part.start, part.end + 1):
            country = next(
                (one["country"] for one, of in zip(rows, known, strict=True) if ip in of), None
            )
            expected[country] = expected.get(country, 0) + 1

    assert {one["country"]: one["addresses"] for one in held.to_pylist()} == expected


def test_network_is_its_number_whatever_its_names(tmp_path: Path) -> None:
    """Two spellings are one network."""
    rows = [
        row(Range(0, 9), asn=64496, network="EXAMPLE"),
        row(Range(10, 19), asn=64496, network="EXAMPLE NETWORK"),
    ]
    held = held_by_network(
        RangeSet.of([Range(5, 24)]), snapshot(tmp_path, SnapshotKind.NETWORK, rows)
    )

    assert held.to_pylist() == [
        {"asn": 64496, "network": "EXAMPLE", "addresses": 15},
        {"asn": None, "network": None, "addresses": 5},
    ]


def test_without_a_registry_all_is_gap() -> None:
    """Nothing is known, and nothing is lost."""
    held = held_by_country(RangeSet.of([Range(0, 9)]), None)

    assert held.to_pylist() == [{"country": None, "addresses": 10}]


def test_territory_is_what_any_claim_covers_less_what_is_excluded(tmp_path: Path) -> None:
    """Countries, networks and ranges are joined; excluded wins over all."""
    country = snapshot(tmp_path, SnapshotKind.COUNTRY, [row(Range(0, 9), country="ES")])
    network = snapshot(tmp_path, SnapshotKind.NETWORK, [row(Range(20, 29), asn=64496, network="X")])
    claims = Jurisdiction(
        countries=frozenset({"ES", "FI"}),
        networks=frozenset({64496}),
        ranges=(Range(40, 41),),
        excluded=(Range(5, 24),),
    )

    assert territory(claims, country, network).ranges == (
        Range(0, 4),
        Range(25, 29),
        Range(40, 41),
    )
    assert territory(claims, None, None).ranges == (Range(40, 41),)
