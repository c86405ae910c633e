"""To whom a letter goes: sources in their order, and what forbids a mailbox."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from judged_run import IP, JudgedRun, make_judged_run
from made_contacts import made_contacts

from survey.errors import ConfigError, GateClosedError
from survey.flows.contacts import contacts_for, why_not
from survey.model.address import parse_ip
from survey.model.contact import ContactSource, Sought
from survey.storage.suppression_list import Cause, suppress
from survey.targets.optouts import add
from survey.targets.ranges import parse_cidr

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
OVERRIDE = """
[[contacts]]
prefixes = ["192.0.2.0/25"]
mail = "cert@altamar.example"
name = "Altamar CERT"
language = "es"
said_by = "J. Pérez, by telephone"
said_on = 2026-11-01
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> JudgedRun:
    """A judged run with contact snapshots; read only."""
    return make_judged_run(tmp_path_factory.mktemp("judged"))


def sought(made: JudgedRun, contacts: Path, which: str = "relay") -> Sought:
    """What is found for one of its addresses."""
    ip = parse_ip(IP[which])
    return contacts_for(made.settings, [ip], contacts=contacts, now=NOW)[ip]


def overridden(folder: Path, agency: str = "es-prueba", text: str = OVERRIDE) -> Path:
    """A ``contacts.toml`` with one agency's word."""
    path = made_contacts(folder)
    path.write_text('overrides = "overrides"\n' + path.read_text())
    (folder / "overrides").mkdir()
    (folder / "overrides" / f"{agency}.toml").write_text(text)
    return path


def test_a_snapshot_names_a_contact_and_when(made: JudgedRun, tmp_path: Path) -> None:
    """Whoever gets a letter may ask how we came to them."""
    one = sought(made, made_contacts(tmp_path)).contact

    assert one is not None
    assert (one.email, one.language, one.source) == (
        "abuse@altamar.example",
        "es",
        ContactSource.SNAPSHOT,
    )
    assert one.snapshot.startswith("contact-2026-11-20-")
    assert one.found_at == datetime(2026, 11, 20, tzinfo=UTC)


def test_an_agency_knows_better(made: JudgedRun, tmp_path: Path) -> None:
    """Its word comes before any registry's, with who said so."""
    one = sought(made, overridden(tmp_path)).contact

    assert one is not None
    assert (one.email, one.source, one.server) == (
        "cert@altamar.example",
        ContactSource.OVERRIDE,
        "es-prueba: J. Pérez, by telephone",
    )
    assert one.found_at == datetime(2026, 11, 1, tzinfo=UTC)


def test_an_agency_speaks_for_its_own_addresses_only(made: JudgedRun, tmp_path: Path) -> None:
    """No agency turns letters about another's networks to a mailbox of its choice."""
    one = sought(made, overridden(tmp_path, agency="mx-prueba")).contact

    assert one is not None
    assert one.source is ContactSource.SNAPSHOT


def test_the_narrowest_word_counts_until_its_last_day(made: JudgedRun, tmp_path: Path) -> None:
    """Networks are wide, prefixes narrow; what has ended says nothing."""
    text = OVERRIDE.replace("prefixes", "networks").replace('["192.0.2.0/25"]', "[64500]")
    text += OVERRIDE.replace("/25", "/30").replace("cert@", "one@")
    text += OVERRIDE.replace(".0/25", ".7/32").replace("cert@", "ended@")
    text += "until = 2026-11-23\n"
    path = overridden(tmp_path, text=text)
    relay, proxy = sought(made, path).contact, sought(made, path, "proxy").contact

    assert relay is not None
    assert relay.email == proxy.email == "cert@altamar.example"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (OVERRIDE + OVERRIDE, "is about what another entry is about"),
        (OVERRIDE.replace('["192.0.2.0/25"]', "[]"), "is about no address"),
        (OVERRIDE.replace('["192.0.2.0/25"]', '["192.0.2.1/25"]'), "prefixes"),
        (OVERRIDE.replace("cert@altamar.example", "altamar.example"), "is no mail address"),
        (OVERRIDE.replace("cert@altamar.example", "help@ripe.net"), "is a registry's mailbox"),
        (OVERRIDE.replace("2026-11-01", '"soon"'), "is no day"),
        (OVERRIDE.replace("said_by", "saidby"), "said_by"),
        (OVERRIDE + "until = 2026-10-31\n", "until lies before said_on"),
        ("", "contacts: is missing"),
    ],
)
def test_a_wrong_override_is_one_line_about_it(
    made: JudgedRun, tmp_path: Path, text: str, wrong: str
) -> None:
    """A mistyped prefix would send letters to a stranger."""
    with pytest.raises(ConfigError, match=r"es-prueba\.toml") as caught:
        sought(made, overridden(tmp_path, text=text))

    assert wrong in str(caught.value)


def test_an_override_of_nobody_is_refused(made: JudgedRun, tmp_path: Path) -> None:
    """A file under another name than an agency's would never count."""
    with pytest.raises(ConfigError, match="no agency 'es-preuba'"):
        sought(made, overridden(tmp_path, agency="es-preuba"))


def test_a_registry_gets_no_letter(made: JudgedRun, tmp_path: Path) -> None:
    """It lists itself where it knows nobody."""
    one = sought(made, made_contacts(tmp_path), "foreign")

    assert one.contact is None
    assert "is a registry's mailbox" in one.problem


def test_nobody_known_is_a_normal_answer(made: JudgedRun, tmp_path: Path) -> None:
    """Addresses that no registry knows are no error."""
    one = sought(made, made_contacts(tmp_path), "gap")

    assert (one.contact, one.problem, one.tried) == (
        None,
        "no source names a contact for this address",
        (),
    )


def test_a_wish_ends_the_search(made: JudgedRun, tmp_path: Path) -> None:
    """Who asked for no letters does not get them at the next best mailbox."""
    path = overridden(tmp_path)
    suppress(
        tmp_path / "suppressed.log", "cert@altamar.example", Cause.ASKED, "them", "no more", NOW
    )
    one = sought(made, path)

    assert one.contact is None
    assert one.problem == "cert@altamar.example is suppressed since 2026-11-24: no more"


def test_a_dead_mailbox_gives_way_to_the_next(made: JudgedRun, tmp_path: Path) -> None:
    """A bounce says nothing about what the operator wants."""
    path = overridden(tmp_path)
    suppress(tmp_path / "suppressed.log", "cert@altamar.example", Cause.DEAD, "bounce", "550", NOW)
    one = sought(made, path)

    assert one.contact is not None
    assert one.contact.email == "abuse@altamar.example"
    assert [tried.source for tried in one.tried] == [
        ContactSource.OVERRIDE,
        ContactSource.SNAPSHOT,
    ]


def test_no_mailbox_at_the_server_itself(made: JudgedRun, tmp_path: Path) -> None:
    """Its mail would go through the very door that the letter asks to close."""
    one = sought(made, made_contacts(tmp_path, hosts=f"{IP['relay']} altamar.example\n"))

    assert one.contact is None
    assert "it lies at the server itself: altamar.example is 192.0.2.7" in one.problem


def test_who_opted_out_is_not_looked_for(made: JudgedRun, tmp_path: Path) -> None:
    """Nobody is asked about them, and no letter that tells of them leaves."""
    path = made_contacts(tmp_path)
    add(tmp_path / "optouts.log", (parse_cidr("192.0.2.0/24"),), "them", "", NOW, NOW)
    one = sought(made, path)

    assert one.contact is None
    assert "opted out" in one.problem
    ips = [parse_ip("198.51.100.9"), parse_ip("192.0.2.7")]
    assert why_not(path, "abuse@cierzo.example", ips) == "192.0.2.7 has opted out"


def test_asked_again_right_before_sending(tmp_path: Path) -> None:
    """What changed since the letter was planned counts: the list, and where names lead."""
    path = made_contacts(tmp_path, hosts="192.0.2.7 altamar.example\n")
    ips = [parse_ip("192.0.2.7"), parse_ip("192.0.2.9")]

    assert why_not(path, "abuse@cierzo.example", ips) == ""
    assert "lies at the server itself" in why_not(path, "abuse@altamar.example", ips)
    assert why_not(path, "abuse@altamar.example", ips[1:]) == ""
    assert why_not(path, "hostmaster@lacnic.net", ips) == "it is a registry's mailbox"
    for literal in ("root@[192.0.2.7]", "root@192.0.2.7"):
        assert why_not(path, literal, ips) == "its domain is an address, not a name"
    assert "control character" in why_not(path, "abuse@cierzo.example\nBcc: x", ips)
    suppress(tmp_path / "suppressed.log", "cierzo.example", Cause.ASKED, "them", "no more", NOW)
    assert (
        why_not(path, "abuse@cierzo.example", ips) == "it is suppressed since 2026-11-24: no more"
    )


def test_without_a_list_nothing_is_sent(made: JudgedRun, tmp_path: Path) -> None:
    """A list that was lost forbids everything."""
    path = made_contacts(tmp_path)
    (tmp_path / "suppressed.log").unlink()

    with pytest.raises(GateClosedError, match="suppression list"):
        why_not(path, "abuse@cierzo.example", [parse_ip("192.0.2.7")])
    with pytest.raises(GateClosedError, match="suppression list"):
        sought(made, path)
