"""The Spanish letter holds every fact of the letter of 2004 that it descends from.

That one went out in Spanish, among other languages; what it established is listed here row by row.
The sentences are ours, the facts carry over.
"""

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from made_notice import make_notice

from survey.closing.instructions import closings
from survey.model.probe import Probe
from survey.model.verdict import Rung
from survey.notify.letter import write_letter

SAID = tomllib.loads((Path(__file__).parent / "facts" / "es.toml").read_text(encoding="utf-8"))
SERVERS = ((Probe.SMTP_RELAY, Rung.R6), (Probe.HTTP_CONNECT, Rung.R6), (Probe.SOCKS5, Rung.R7))

# What the original established, and by which facts of ours a letter says so.
ESTABLISHED = {
    "public databases list the address; it may be an open proxy or relay": (
        "public databases",
        "may be",
    ),
    "it matters to the organisation's presence on the internet": ("presence on the internet",),
    "an operation of government agencies of several countries against unsolicited mail": (
        "the operation",
        "joint project",
        "unsolicited mail",
    ),
    "it tells operators how to secure servers, so that none becomes a source of spam": (
        "the goal",
        "no source of spam",
    ),
    "the first step is to close it, since any computer in the world can send through it": (
        "first step",
        "any computer",
    ),
    "those who send spam exploit relays and proxies": ("spammers look for them",),
    "consumers and law enforcement are harmed": ("consumers", "law enforcement"),
    "recipients think that the spam is the operator's": ("recipients",),
    "strangers use the server and its resources": ("resources",),
    "links clog": ("links",),
    "administration costs rise": ("costs",),
    "the provider may suspend the service": ("provider",),
    "a contact for questions": ("questions",),
}
# What ours adds.
ADDED = ("genuine", "test again", "fixed", "not yours", "opt-out")


def squeezed(text: str) -> str:
    """However its lines are broken."""
    return " ".join(text.split())


@pytest.mark.parametrize("established", ESTABLISHED)
@pytest.mark.parametrize(("probe", "rung"), SERVERS)
def test_spanish_letter_says_what_the_original_established(
    established: str, probe: Probe, rung: Rung
) -> None:
    """For a relay as for a proxy."""
    text = squeezed(write_letter(make_notice(probe, rung), "es").text)
    for fact in ESTABLISHED[established]:
        assert SAID["facts"][fact] in text, fact


def test_every_fact_of_the_spanish_letter_is_accounted_for() -> None:
    """None is checked that nobody asked for, none is forgotten."""
    named = {fact for facts in ESTABLISHED.values() for fact in facts} | {*ADDED}
    assert named == set(SAID["facts"])


@pytest.mark.parametrize(("probe", "rung"), SERVERS)
def test_subject_asks_to_close_the_door(probe: Probe, rung: Rung) -> None:
    """The original's subject asked to secure the server; ours says which door of which server."""
    subject = write_letter(make_notice(probe, rung), "es").subject
    assert "Le pedimos que cierre el" in subject
    assert "192.0.2.7" in subject


@pytest.mark.parametrize(("probe", "rung"), SERVERS)
def test_address_lists_and_both_pages_are_named(probe: Probe, rung: Rung) -> None:
    """The address was inserted, and two pages told of agencies and of the steps."""
    text = write_letter(make_notice(probe, rung), "es").text
    for said in (
        *("192.0.2.7", "relays.lists.example", "open.lists.example", "seen.lists.example"),
        *("https://survey.example/es/agencies", "https://survey.example/es/close/"),
    ):
        assert said in text


def test_steps_are_for_the_software_found() -> None:
    """The original had one page for all; ours has each program's own."""
    notice = make_notice()
    for software in ("postfix", "exim", "sendmail"):
        server = replace(notice.server, software=software, software_named=True)
        text = write_letter(replace(notice, server=server), "es").text
        assert closings()[software].file in text
