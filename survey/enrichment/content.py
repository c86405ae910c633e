"""What a reader of one format makes of a publisher's files."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Content:
    """Checked rows, ready to be written.

    Attributes:
        rows: In the order of the columns of the snapshot's schema, sorted by the first.
        notes: What was decided about lines that say more or less than a row can hold, one line
            each.
        names: Of a listing that names hosts, too: rows of schema LISTING_NAMES, less the last
            column, sorted by the first three.
    """

    rows: list[tuple[object, ...]]
    notes: tuple[str, ...] = ()
    names: list[tuple[object, ...]] = field(default_factory=list)
