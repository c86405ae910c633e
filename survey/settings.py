"""Where this installation keeps things; read by a function, never at import."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """Paths of one installation.

    Attributes:
        data: Root of every table (``--data``, ``SURVEY_DATA``; default ``./data``).
        keys: Folder of 0600 key files, apart from the data (``--keys``, ``SURVEY_KEYS``;
            ``./keys``).
        agencies: Folder with one TOML file per agency (``--agencies``, ``SURVEY_AGENCIES``;
            ``./agencies``).
        url: An object store that several machines share (``--data s3://bucket/prefix``), or "";
            then ``data`` is this machine's copy of it (docs/storage.md).
    """

    data: Path
    keys: Path
    agencies: Path
    url: str = ""

    @property
    def shared(self) -> str:
        """Where workers find their work: the URL, or the folder that they all see."""
        return self.url or str(self.data)


def copy_folder(url: str, *, environ: Mapping[str, str] | None = None) -> Path:
    """Where this machine keeps its copy of a URL (``SURVEY_COPIES``, ``~/.local/state/survey``)."""
    env = os.environ if environ is None else environ
    home = env.get("SURVEY_COPIES") or Path.home() / ".local" / "state" / "survey"
    return Path(home).absolute() / hashlib.sha256(url.rstrip("/").encode()).hexdigest()[:16]


def read_settings(
    data: str | None = None,
    keys: str | None = None,
    agencies: str | None = None,
    *,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Settings from arguments, else from the environment, else the defaults; paths absolute."""
    env = os.environ if environ is None else environ

    def path(given: str | None, variable: str, default: str) -> Path:
        return Path(given or env.get(variable) or default).absolute()

    root = data or env.get("SURVEY_DATA") or "data"
    url = root.rstrip("/") if "://" in root else ""
    return Settings(
        data=copy_folder(url, environ=env) if url else Path(root).absolute(),
        keys=path(keys, "SURVEY_KEYS", "keys"),
        agencies=path(agencies, "SURVEY_AGENCIES", "agencies"),
        url=url,
    )
