"""Closing instructions: what to change, program by program, the same in every language.

Each is a file ``software/<id>.toml`` without a word of prose: files, lines, commands and entries of
menus, around which letters and pages put sentences.  So a test can carry them out as well as a
person, and does for the programs that it can run (``tests/servers/test_closing.py``).
"""

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from survey.model.probe import Probe
from survey.model.software import PRODUCTS
from survey.storage.config_file import read_config

ROUTER = "router"
"""Instead of a program: a router, camera or other device with a proxy that nobody asked for."""

OWN_NETWORK = "192.0.2.0/24"
"""Stands in instructions for the operator's own networks (RFC 5737)."""


def _known(software: str) -> str:
    if software != ROUTER and software not in PRODUCTS:
        raise ValueError(f"{software!r} is no program we know; take an id of model/software.py")
    return software


def _https(link: str) -> str:
    if not link.startswith("https://"):
        raise ValueError(f"{link!r} is not an https address; give the vendor's own page")
    return link


class Closing(BaseModel):
    """How one program is closed.

    Attributes:
        software: Its product id (``model.software``), or ROUTER.
        closes: The probes whose findings this mends.
        file: The configuration file that is changed, or "".
        remove: Beginnings of the lines that are taken out of it.
        write: The lines that take their place, or stand at its end if there were none.
        run: Commands that change something.
        choose: Entries of its menus, outermost first, as the program itself names them in English.
        reload: The command after which the change is in force, or "".
        check: A command that shows whether it is, or "".
        expect: What that prints.
        links: The vendor's own documentation; none for ROUTER alone.
        proven: Whether a test carries this out on a real server and finds it closed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    software: Annotated[str, AfterValidator(_known)]
    closes: tuple[Probe, ...] = Field(min_length=1)
    file: str = ""
    remove: tuple[str, ...] = ()
    write: str = ""
    run: tuple[str, ...] = ()
    choose: tuple[str, ...] = ()
    reload: str = ""
    check: str = ""
    expect: str = ""
    links: tuple[Annotated[str, AfterValidator(_https)], ...] = ()
    proven: bool = False

    @model_validator(mode="after")
    def _whole(self) -> "Closing":
        if not (self.file or self.run or self.choose):
            raise ValueError("nothing is to be done; give file, run or choose")
        if bool(self.file) != bool(self.remove or self.write):
            raise ValueError("a file and its lines go together; give both or neither")
        if bool(self.check) != bool(self.expect):
            raise ValueError("check and expect go together; give both or neither")
        if not self.links and self.software != ROUTER:
            raise ValueError("there is no link; give the vendor's own documentation")
        return self

    def changed(self, configuration: str) -> str:
        """The text of a configuration file after ``remove`` and ``write``, as a person does it."""
        kept: list[str] = []
        place = None
        for line in configuration.splitlines():
            if line.strip().startswith(self.remove):
                place = len(kept) if place is None else place
            else:
                kept.append(line)
        place = len(kept) if place is None else place
        return "\n".join([*kept[:place], *self.write.splitlines(), *kept[place:], ""])


@cache
def closings() -> dict[str, Closing]:
    """All instructions, by software, in alphabetical order.

    Raises:
        ConfigError: A file is wrong; its name, key and the cure are told.
    """
    folder = Path(str(files(__package__) / "software"))
    read = (read_config(path, Closing) for path in sorted(folder.glob("*.toml")))
    return {closing.software: closing for closing in read}


def closing_for(software: str, probe: Probe) -> Closing | None:
    """The instructions for what a finding names, or None: then only the general ones help."""
    closing = closings().get(software)
    return closing if closing and probe in closing.closes else None
