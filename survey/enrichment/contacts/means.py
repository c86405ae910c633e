"""``contacts.toml``: where contacts are looked for, and whom we may ask (docs/contacts.md).

Nobody is asked whom this file does not name.
"""

from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StrictInt, model_validator

from survey.model.plan import Kind
from survey.storage.config_file import read_config
from survey.targets.values import Days, FilePath, Mailbox, Page, Socket


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NamesTable(_Closed):
    """``[names]``: the only place where names are looked up."""

    resolver: Socket | None = None
    hosts: FilePath | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.resolver is None) == (self.hosts is None):
            raise ValueError(
                "names no way, or two; write resolver or hosts, since else nobody knows whether "
                "a mailbox lies at the server that a letter is about"
            )
        return self


class CacheTable(_Closed):
    """``[cache]``: how long answers are used again, in days."""

    days: Days = 14
    nobody_days: Annotated[StrictInt, Field(ge=0, le=365)] = 3
    patience_days: Annotated[StrictInt, Field(ge=0, le=365)] = 3


class Means(_Closed):
    """The whole file."""

    kind: Annotated[Kind, Field(strict=False)] = Kind.SURVEY
    page: Page
    contact: Mailbox
    suppressed: FilePath
    overrides: FilePath | None = None
    names: NamesTable
    cache: CacheTable = CacheTable()


def read_means(path: Path) -> Means:
    """Where contacts are looked for.

    Raises:
        ConfigError: The file is missing, or a key is wrong.
    """
    return read_config(path, Means)
