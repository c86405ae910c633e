"""Rules about the repository as a whole, checked on the files that git tracks."""

import importlib.metadata
import ipaddress
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from survey.cli.main import COMMANDS, main

ROOT = Path(__file__).resolve().parent.parent

TOP_LEVEL = {
    *("README.md", "CHANGELOG.md", "LICENSE", "Makefile", "pyproject.toml"),
    *("survey", "jobs", "notebooks", "tests", "infra", "docs"),
}

# Folders under tests/ that stand for no package of ours.
OTHER_TESTS = {"benchmarks", "guard", "made", "notebooks", "recordings", "servers"}

# Tests of what a plan may hold need space that is nobody's example; nothing in them is dialled.
ADDRESS_SPACE = ("tests/targets/", "tests/flows/test_plan.py")

# Registries' own mailboxes and what looks like them: the tests hold that no letter goes there.
REGISTRY_MAILBOXES = (
    "tests/notify/test_recipient.py",
    "tests/made/judged_run.py",
    "tests/made/rdap_shapes/",
    "tests/enrichment/contacts/test_rdap.py",
    "tests/flows/test_contacts.py",
    "tests/flows/test_contact_sources.py",
)

DOCUMENTATION_NAMES = re.compile(r"(^|\.)(example|test|invalid|localhost|example\.(com|net|org))$")
DOCUMENTATION_NETWORKS = [range(64496, 64512), range(64512, 65535), range(65536, 65552)]

IPV4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.]*\d)")
IPV6 = re.compile(r"(?<![\w:])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:.])", re.IGNORECASE)
MAILBOX = re.compile(r"[\w.+-]+@((?:[a-z0-9-]+\.)+[a-z]{2,})\b", re.IGNORECASE)
NETWORK = re.compile(r"\bAS(\d+)\b")

# In a notebook: letters and digits of base64, which say now and then something by chance.
PICTURE = re.compile(r'\s*"image/png": "')

# Spelled in pieces, lest this file break its own rule.
ELSEWHERE = re.compile(
    "|".join(
        [
            r"(?<![\w.$~)}-])/(?:work|root|home|Users)" + r"/\w",
            r"pypi\." + r"org|pythonhosted" + r"\.org|npmjs" + r"\.(?:org|com)",
            r"deb\.debian" + r"\.org|security\.debian" + r"\.org|crates" + r"\.io",
        ]
    )
)


def tracked() -> list[str]:
    """Paths that git tracks and that are there, from the root."""
    if not (shutil.which("git") and (ROOT / ".git").exists()):
        pytest.skip("not a git clone")
    listing = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = listing.stdout.rstrip("\0").split("\0")
    return [path for path in paths if (ROOT / path).is_file()]


def lines(*folders: str) -> Iterator[tuple[str, str]]:
    """``path:number`` and text of every line of the tracked text files in these folders."""
    for path in tracked():
        if path.startswith(folders):
            try:
                text = (ROOT / path).read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue  # a picture or a recording
            for number, line in enumerate(text.splitlines(), start=1):
                if not PICTURE.match(line):
                    yield f"{path}:{number}", line


def test_top_level_is_closed() -> None:
    """Nothing but the agreed files and folders, and dotfiles, lies at the top."""
    names = {path.partition("/")[0] for path in tracked()}

    assert {name for name in names if not name.startswith(".")} <= TOP_LEVEL


def test_tests_mirror_the_package() -> None:
    """A folder of tests has the name of the package that it tests."""
    packages = {path.parent.name for path in (ROOT / "survey").glob("*/__init__.py")}
    folders = {Path(path).parts[1] for path in tracked() if re.match(r"tests/\w+/", path)}

    assert folders <= packages | OTHER_TESTS


def test_no_path_of_a_machine_and_no_registry_host() -> None:
    """Nothing tracked knows where it was written or where packages come from."""
    assert [f"{place}: {line}" for place, line in lines("") if ELSEWHERE.search(line)] == []


def test_addresses_in_examples_are_nobodys() -> None:
    """Examples, tests and docs name no address that the internet routes to somebody."""
    found = [
        f"{place}: {text}"
        for place, line in lines("tests/", "docs/", "jobs/", "notebooks/", "README.md")
        if not place.startswith(ADDRESS_SPACE)
        for text in [*IPV4.findall(line), *IPV6.findall(line)]
        if is_somebodys(text)
    ]

    assert found == []


def is_somebodys(text: str) -> bool:
    """Whether it is an address of the public internet: not special-purpose, not multicast.

    One past the edge of special-purpose space may stand where a test looks at that edge.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if address.version == 6 and int(address) >> 125 != 1:  # global unicast begins with 001
        return False
    around = (address - 1, address, address + 1) if address.is_global else (address,)
    return all(one.is_global and not one.is_multicast for one in around)


def test_mailboxes_and_networks_in_examples_are_nobodys() -> None:
    """Only example domains (RFC 2606, RFC 6761) and documentation ASNs (RFC 5398, RFC 6996)."""
    found = []
    for place, line in lines("tests/", "jobs/", "notebooks/"):
        found += [
            f"{place}: {domain}"
            for domain in MAILBOX.findall(line)
            if not (
                DOCUMENTATION_NAMES.search(domain.lower()) or place.startswith(REGISTRY_MAILBOXES)
            )
        ]
        found += [
            f"{place}: AS{number}"
            for number in NETWORK.findall(line)
            if not any(int(number) in numbers for numbers in DOCUMENTATION_NETWORKS)
        ]

    assert found == []


def test_everything_that_make_installs_is_pinned() -> None:
    """The whole tree of dependencies is what was tested, and comes from no place in particular."""
    text = (ROOT / "infra" / "constraints.txt").read_text()
    pins = [Requirement(line) for line in text.splitlines() if line and not line.startswith("#")]
    pinned = {canonicalize_name(pin.name): str(pin.specifier) for pin in pins}
    installed = {name: f"=={version}" for name, version in needed("survey[dev]").items()}

    assert {name: pinned.get(name) for name in installed} == installed
    assert [pin.name for pin in pins if pin.url] == []


def needed(wish: str) -> dict[str, str]:
    """Name and installed version of everything that a requirement leads to, itself left out."""
    found: dict[str, str] = {}
    todo = [Requirement(wish)]
    seen: set[str] = set()
    while todo:
        asked = todo.pop()
        distribution = importlib.metadata.distribution(asked.name)
        found[canonicalize_name(asked.name)] = distribution.version
        for text in distribution.requires or ():
            part = Requirement(text)
            wanted = [{"extra": extra} for extra in (asked.extras or {""})]
            applies = not part.marker or any(part.marker.evaluate(extra) for extra in wanted)
            if applies and str(part) not in seen:
                seen.add(str(part))
                todo.append(part)
    del found[canonicalize_name(Requirement(wish).name)]
    return found


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command and subcommand with what a person types for it."""
    context = click.Context(main)
    todo = [(f"survey {name}", main.get_command(context, name)) for name in COMMANDS]
    for typed, command in todo:
        assert command is not None
        yield typed, command
        if isinstance(command, click.Group):
            todo += [(f"{typed} {name}", part) for name, part in command.commands.items()]


def test_every_command_is_documented() -> None:
    """Each has help, and a line in the README or in docs/."""
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    text = "\n".join(page.read_text() for page in pages)

    without_help = [typed for typed, command in commands() if not command.help]
    without_page = [typed for typed, _ in commands() if not re.search(rf"{typed}\b", text)]

    assert without_help == []
    assert without_page == []
