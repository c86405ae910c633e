"""A folder with ``contacts.toml`` and the logs it names, empty, and names from a hosts file."""

from pathlib import Path

from survey.storage.suppression_list import init_list
from survey.targets.optouts import init_log

HEAD = """
kind = "lab"
page = "https://survey.example/"
contact = "questions@survey.example"
suppressed = "suppressed.log"
optouts = "optouts.log"
"""


def made_contacts(folder: Path, hosts: str = "", more: str = "") -> Path:
    """Its ``contacts.toml``; names come from lines ``address name...``.

    Args:
        folder: Where to put it, and what belongs to it.
        hosts: Lines of the hosts file.
        more: Further tables.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "contacts.toml"
    path.write_text(f'{HEAD}\n[names]\nhosts = "hosts"\n{more}')
    (folder / "hosts").write_text(hosts)
    init_list(folder / "suppressed.log")
    init_log(folder / "optouts.log")
    return path
