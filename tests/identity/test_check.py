"""Whoever looks up where our packets come from finds us, or nothing is sent."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from made_identity import (
    CONTACT,
    HELO,
    PAGE,
    SOURCES,
    MadeIdentity,
    identity_served,
    reversed_name,
)

from survey.errors import GateClosedError
from survey.identity.check import unseen
from survey.identity.door import IdentityDoor, UnseenError
from survey.identity.probing import PATH
from survey.model.address import parse_ip
from survey.model.plan import Endpoint, Identity, Kind
from survey.targets.ranges import RangeSet
from survey.targets.reach import LOOPBACK, reach

NOW = datetime(2026, 11, 24, tzinfo=UTC)
WHO = Identity("A survey", CONTACT, PAGE, HELO, tuple(map(parse_ip, SOURCES)))
PROBING = (
    f"Canonical: https://{HELO}{PATH}\r\nContact: mailto:{CONTACT}\r\n"
    "Expires: 2027-06-01T00:00:00Z\r\n"
)


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MadeIdentity]:
    """Everything in order."""
    with identity_served(tmp_path) as served:
        monkeypatch.setenv("SSL_CERT_FILE", str(served.authority))
        served.pages[HELO, PATH] = (200, PROBING)
        served.pages["www.survey.example", "/about"] = (200, f"write to {CONTACT}")
        yield served


def door(made: MadeIdentity, space: RangeSet | None = None) -> IdentityDoor:
    """The door of a lab, to these servers."""
    resolver = Endpoint(parse_ip("127.0.0.1"), made.resolver)
    return IdentityDoor(WHO, resolver, space or RangeSet.of([LOOPBACK]), made.web)


def test_identity_in_order_is_seen(made: MadeIdentity) -> None:
    """Only our own names were asked for, and only our own pages."""
    assert unseen(WHO, door(made), NOW) == ()
    own = {HELO, "www.survey.example", PAGE, f"https://{HELO}{PATH}"}
    assert set(made.asked) == own | {reversed_name(ip) for ip in SOURCES}


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ((HELO, "A"), [SOURCES[0]], f"{HELO} does not resolve to {SOURCES[1]}"),
        ((HELO, "A"), [], f"{HELO} has no A record"),
        ((reversed_name(SOURCES[1]), "PTR"), [], f"{SOURCES[1]} has no name"),
        ((reversed_name(SOURCES[1]), "PTR"), ["host.isp.example."], "host.isp.example in reverse"),
    ],
)
def test_names_that_disagree_are_told(
    made: MadeIdentity, key: tuple[str, str], value: list[str], problem: str
) -> None:
    """Forward and back, for every source address."""
    made.records[key] = value

    assert any(problem in line for line in unseen(WHO, door(made), NOW))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (PROBING.replace(CONTACT, "other@survey.example"), f"does not name {CONTACT}"),
        (PROBING.replace("2027", "2025"), "has expired"),
        (PROBING.replace("Expires", "X-Expires"), "does not say when"),
        (PROBING.replace("2027-06-01T00:00:00Z", "soon"), "does not say when"),
        (PROBING.replace(HELO, "other.example"), "belongs elsewhere"),
        ("<html>Not found</html>", "does not name"),
    ],
)
def test_probing_file_that_is_not_ours_is_told(made: MadeIdentity, text: str, problem: str) -> None:
    """RFC 9511's file names contact, end and place."""
    made.pages[HELO, PATH] = (200, text)

    assert any(problem in line for line in unseen(WHO, door(made), NOW))


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ((404, ""), "HTTP 404"),
        ((302, CONTACT), "HTTP 302"),
        ((200, "welcome"), f"does not name {CONTACT}"),
    ],
)
def test_page_that_does_not_explain_is_told(
    made: MadeIdentity, answer: tuple[int, str], problem: str
) -> None:
    """It has to be there, and to say whom to write to."""
    made.pages["www.survey.example", "/about"] = answer

    (line,) = unseen(WHO, door(made), NOW)
    assert problem in line


def test_certificate_that_nobody_knows_is_told(
    made: MadeIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A visitor's browser would warn, too."""
    monkeypatch.delenv("SSL_CERT_FILE")

    assert sum("CERTIFICATE_VERIFY_FAILED" in line for line in unseen(WHO, door(made), NOW)) == 2


def test_without_source_addresses_nothing_can_be_seen(made: MadeIdentity) -> None:
    """Nor is anything asked."""
    nobody = Identity("A survey", CONTACT, PAGE, HELO, ())

    (line,) = unseen(nobody, door(made), NOW)
    assert line.startswith("identity.source_addresses")
    assert made.asked == []


def test_door_opens_to_nothing_but_our_own(made: MadeIdentity) -> None:
    """Other names and addresses are not even looked up."""
    closed = door(made)
    for look in (
        lambda: closed.addresses("other.example"),
        lambda: closed.page("https://other.example/"),
        lambda: closed.names(parse_ip("127.0.31.9")),
    ):
        with pytest.raises(GateClosedError):
            look()
    assert made.asked == []


def test_survey_never_fetches_from_special_purpose_space(made: MadeIdentity) -> None:
    """A name of ours that points to a private address is not followed there."""
    with pytest.raises(UnseenError, match="no address that the internet can reach"):
        door(made, reach(Kind.SURVEY)).page(PAGE)
    assert PAGE not in made.asked


def test_silent_resolver_is_no_way_in(made: MadeIdentity, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told once, and nobody waits for it again."""
    monkeypatch.setattr("survey.identity.door.SECONDS", 0.2)
    made.records.clear()
    silent = IdentityDoor(WHO, Endpoint(parse_ip("127.0.0.1"), 9), RangeSet.of([LOOPBACK]))

    (problem,) = unseen(WHO, silent, NOW + timedelta(days=1))
    assert "can't be looked up" in problem
