"""Where this installation keeps things; read by a function, never at import."""

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
    """

    data: Path
    keys: Path
    agencies: Path


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

    return Settings(
        data=path(data, "SURVEY_DATA", "data"),
        keys=path(keys, "SURVEY_KEYS", "keys"),
        agencies=path(agencies, "SURVEY_AGENCIES", "agencies"),
    )
