"""``survey contacts`` as a person types it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from made_mirror import mirror
from made_sources import MadeSources, made_sources

from survey.cli.main import main


@pytest.fixture
def sources(tmp_path: Path) -> Iterator[MadeSources]:
    """Local registries, and a ``contacts.toml``."""
    with made_sources(tmp_path) as made:
        yield made


def run(sources: MadeSources, *words: str) -> Result:
    """``survey contacts WORDS``."""
    settings = sources.settings
    folders = ["--data", str(settings.data), "--agencies", str(settings.agencies)]
    arguments = [*folders, "contacts", *words, "--contacts", str(sources.contacts)]
    return CliRunner().invoke(main, arguments)


def audited(sources: MadeSources) -> list[tuple[str, str]]:
    """What the audit log says: what, and which."""
    lines = (sources.settings.data / "audit.log").read_text().splitlines()
    return [(one["what"], one["filter"]) for one in map(json.loads, lines)]


def document(result: Result) -> Any:
    """What it printed on stdout."""
    return json.loads(result.stdout)


def test_find_says_who_by_whom_and_when(sources: MadeSources) -> None:
    """And of each source that was passed over, why."""
    result = run(sources, "find", sources.serve("arin"))

    assert result.exit_code == 0, result.output
    assert "abuse@altamar.example  rdap    rdap.arin.example" in result.stdout
    assert "Altamar Broadband" in result.stdout
    assert audited(sources) == [("contacts find", "ip=192.0.2.7")]


def test_find_as_json_and_nobody(sources: MadeSources) -> None:
    """One document on stdout; exit code 1 if some address has nobody."""
    result = run(sources, "find", sources.serve("apnic"), "10.0.0.1", "--json")
    none, found = sorted(document(result), key=lambda one: one["ip"])

    assert result.exit_code == 1
    assert "nobody to write to about 1 of 2 addresses, such as 10.0.0.1" in result.stderr
    assert none["contact"] is None
    assert "bootstrap file knows no RDAP server" in none["tried"][0]["said"]
    assert (found["contact"]["email"], found["contact"]["source"]) == ("abuse@kumo.example", "rdap")
    assert found["contact"]["found_at"]


def test_what_a_stranger_says_moves_no_cursor(sources: MadeSources) -> None:
    """Names of organisations are shown, never obeyed."""
    ip = sources.serve("arin")
    path = f"rdap.arin.example/registry/ip/{ip}"
    reply = sources.web.replies[path]
    evil = reply.body.replace(b'"Altamar Broadband"', b'"\\u001b[2Jred \\u202e\\r\\nEvil"')
    sources.web.replies[path] = type(reply)(evil)
    result = run(sources, "find", ip)

    assert result.exit_code == 0
    assert not {"\x1b", "\u202e", "\r"} & set(result.output)


def test_show_asks_nobody(sources: MadeSources) -> None:
    """Before anything was asked, only tables of ours speak."""
    ip = sources.serve("arin")
    before = run(sources, "show", ip)
    run(sources, "find", ip)
    sources.asked()
    after = run(sources, "show", ip)

    assert "rdap" not in before.stdout
    assert "abuse@altamar.example" in after.stdout
    assert "incidents@cert.example" in after.stdout
    assert sources.asked() == []
    assert "nothing is known" in run(sources, "show", "10.0.0.1").output
    assert audited(sources)[0] == ("contacts show", "ip=192.0.2.7")


def test_suppressed_is_suppressed(sources: MadeSources) -> None:
    """Whoever is on the list gets nothing, from the next command on."""
    ip = sources.serve("arin")
    dead = run(sources, "suppress", "abuse@altamar.example", "--why", "550 gone", "--dead")
    assert dead.exit_code == 0, dead.output
    assert "incidents@cert.example" in run(sources, "find", ip).stdout

    run(sources, "suppress", "altamar.example", "--why", "no robots", "--by", "their counsel")
    result = run(sources, "find", ip)
    assert result.exit_code == 1
    assert "is suppressed since" in result.output
    listed = document(run(sources, "suppressed", "--json"))
    assert [(one["what"], one["cause"], one["why"]) for one in listed] == [
        ("abuse@altamar.example", "dead", "550 gone"),
        ("altamar.example", "asked", "no robots"),
    ]
    assert listed[1]["by"] == "their counsel"
    assert "no robots" in run(sources, "suppressed", "x@mail.altamar.example").stdout
    assert "is not suppressed" in run(sources, "suppressed", "x@nube.example").output
    assert ("contact suppressed", "entry=2 cause=asked") in audited(sources)
    assert ("contacts suppressed", "all") in audited(sources)


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (("find", "192.0.2.300"), "is no IPv4 address"),
        (("find", "example.net"), "is no IPv4 address"),
        (("suppress", "x y@z", "--why", "w"), "neither a mailbox nor a domain"),
        (("suppress", "a.example", "--why", "two\nlines"), "write one line"),
        (("init",), "exists already"),
    ],
)
def test_wrong_usage_is_one_line(sources: MadeSources, words: tuple[str, ...], wrong: str) -> None:
    """And exit code 2."""
    result = run(sources, *words)

    assert result.exit_code == 2
    assert wrong in result.stderr


def test_without_a_list_nothing_is_found(sources: MadeSources) -> None:
    """It says how to make one; and that makes one."""
    sources.contacts.with_name("suppressed.log").unlink()
    result = run(sources, "find", "192.0.2.7")

    assert result.exit_code == 1
    assert "survey contacts init" in result.stderr
    assert run(sources, "init").exit_code == 0
    assert "suppression list" not in run(sources, "find", "192.0.2.7").stderr


def test_check_reads_everything_and_asks_nobody(sources: MadeSources) -> None:
    """Whom contacts.toml allows to be asked, for the person who wrote it."""
    run(sources, "suppress", "nube.example", "--why", "no robots")
    result = run(sources, "check")
    said = document(run(sources, "check", "--json"))

    assert result.exit_code == 0
    assert f"rdap          rdap.arin.example:{sources.web.port}" in result.stdout
    assert ["abuse_zone", "abuse.example.net"] in said["asked"]
    assert (said["suppressed"], said["certs"], said["remarks"]) == (1, ["ES"], [])
    assert said["bootstrap"] == "2026-11-03T19:00:02+00:00"
    assert sources.asked() == sources.names.asked == []
    sources.contacts.with_name("ipv4.json").write_text("{}")
    assert run(sources, "check").exit_code == 2


def test_an_old_bootstrap_file_is_remarked(sources: MadeSources) -> None:
    """Ranges move between registries."""
    path = sources.contacts.with_name("ipv4.json")
    path.write_text(path.read_text().replace("2026-11-03", "2020-11-03"))
    result = run(sources, "find", sources.serve("arin"))

    assert result.exit_code == 0
    assert "was published on 2020-11-03; fetch IANA's ipv4.json again" in result.stderr


def test_bootstrap_is_fetched_from_a_mirror(sources: MadeSources) -> None:
    """And servers that contacts.toml does not allow are told of."""
    text = sources.contacts.read_text()
    sources.contacts.write_text(text.replace(f'"rdap.arin.example:{sources.web.port}", ', ""))
    path = sources.contacts.with_name("ipv4.json")
    newer = path.read_text().replace("2026-11-03", "2026-11-20")

    with mirror(newer.encode()) as place:
        result = run(sources, "bootstrap", "--mirror", place)

    assert result.exit_code == 0, result.output
    assert "published on 2026-11-20, 5 ranges" in result.stderr
    assert f"rdap.arin.example:{sources.web.port} has some of them" in result.stderr
    assert path.read_text() == newer
