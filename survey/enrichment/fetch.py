"""An openly licensed registry fetched from its publisher and made a snapshot."""

import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from survey.enrichment.download import Door, Limits, MissingError, Progress, download
from survey.enrichment.snapshots import import_snapshot
from survey.enrichment.sources import HOSTS, Source
from survey.storage.files import private_folder
from survey.storage.layout import Layout
from survey.storage.registries import Snapshot


def fetch_snapshot(  # noqa: D417 - pause is for tests
    layout: Layout,
    source: Source,
    progress: Progress,
    *,
    mirror: str = "",
    now: datetime | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> Snapshot:
    """Fetch a source and import it; what was fetched before on the same day is imported once.

    Args:
        layout: Where to put it.
        source: Which one.
        progress: Told as it comes in.
        mirror: Asked instead of the publisher: the same paths below this address.
        now: UTC; this moment if not given.

    Raises:
        ConfigError: The file can't be read as what it should be; nothing is left behind.
        StorageError: It can't be had.
    """
    moment = now or datetime.now(UTC)
    limits = Limits(source.least, source.most)
    with tempfile.TemporaryDirectory(
        prefix="download-", dir=private_folder(layout.scratch)
    ) as folder:
        urls = source.urls(moment.date())
        for url in urls:
            path = Path(folder) / Path(urlsplit(url).path).name
            try:
                door = Door(HOSTS, mirror)
                download(url, path, door, limits, progress=progress, pause=pause)
                break
            except MissingError:
                if url == urls[-1]:
                    raise
        return import_snapshot(
            layout,
            source.kind,
            path,
            source=source.name,
            licence=source.licence,
            attribution=source.attribution,
            retrieved_at=moment,
            written_as=source.written_as,
        )
