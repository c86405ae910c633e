"""Every source of contacts, asked over real connections to local servers."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import dns.reversename
import pytest
from made_sources import NOW, PATHS, SHAPES, MadeSources, made_sources
from made_web import Reply

from survey.errors import ConfigError
from survey.flows.contact_desk import ContactDesk
from survey.flows.contacts import cert_for, contacts_for, known_contacts, why_not
from survey.flows.purge import carry_out, plan_purge
from survey.model.address import parse_ip
from survey.model.contact import Contact, ContactSource, Sought
from survey.storage.layout import Layout
from survey.storage.suppression_list import Cause, suppress
from survey.targets.optouts import add
from survey.targets.ranges import RangeSet, parse_cidr


@pytest.fixture
def sources(tmp_path: Path) -> Iterator[MadeSources]:
    """All of them."""
    with made_sources(tmp_path) as made:
        yield made


def who(sought: Sought) -> tuple[str, ContactSource, str]:
    """Mailbox, source and server, without its port."""
    contact = sought.contact
    assert contact is not None, sought
    return contact.email, contact.source, contact.server.partition(":")[0]


def said(sought: Sought) -> dict[str, str]:
    """What each source said; the last of each."""
    return {one.source.value: one.said for one in sought.tried}


@pytest.mark.parametrize(
    ("registry", "email"),
    [
        ("arin", "abuse@altamar.example"),
        ("ripe", "abuse@cierzo.example"),
        ("apnic", "abuse@kumo.example"),
        ("afrinic", "abuse@bahari.example"),
    ],
)
def test_registries_name_their_abuse_role(sources: MadeSources, registry: str, email: str) -> None:
    """At the server that the bootstrap names for the prefix, with who said so and when."""
    one = sources.seek(sources.serve(registry))

    assert who(one) == (email, ContactSource.RDAP, f"rdap.{registry}.example")
    assert one.contact is not None
    assert one.contact.found_at == NOW
    assert len(sources.asked()) == 1
    assert sources.web.agents == [
        "secure-your-server (+https://survey.example/; questions@survey.example)"
    ]


def test_registries_are_asked_at_the_same_time(sources: MadeSources) -> None:
    """Each has its own pace, so one does not wait for another; each is asked one by one."""
    both = threading.Barrier(2, timeout=60)
    ips = []
    for registry in ("arin", "ripe"):
        ip = sources.serve(registry)
        path = PATHS[registry][0]
        body = sources.web.replies[path + ip].body
        sources.web.replies[path + ip] = Reply(raw=partial(answer_together, both, body))
        ips.append(parse_ip(ip))
    found = contacts_for(sources.settings, ips, contacts=sources.contacts, now=NOW)

    assert [who(found[ip])[0] for ip in ips] == ["abuse@altamar.example", "abuse@cierzo.example"]


def answer_together(both: threading.Barrier, body: bytes, handler: BaseHTTPRequestHandler) -> None:
    """Answer once the other one was asked, too."""
    both.wait()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/rdap+json\r\nContent-Length: {len(body)}"
    handler.connection.sendall(head.encode() + b"\r\n\r\n" + body)


def test_what_was_answered_is_kept_when_the_work_is_broken_off(
    sources: MadeSources, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever runs it again does not ask again."""
    seek = ContactDesk.seek
    last = parse_ip("192.0.2.200")

    def interrupted(desk: ContactDesk, ip: int) -> Sought:
        if ip == last:
            raise KeyboardInterrupt
        return seek(desk, ip)

    monkeypatch.setattr(ContactDesk, "seek", interrupted)
    ip = parse_ip(sources.serve("arin"))
    with pytest.raises(KeyboardInterrupt):
        contacts_for(sources.settings, [ip, last], contacts=sources.contacts, now=NOW)
    monkeypatch.undo()

    assert len(sources.asked()) == 1
    assert who(sources.seek("192.0.2.7"))[0] == "abuse@altamar.example"
    assert sources.asked() == []


def test_a_registry_that_lists_itself_is_passed_over(sources: MadeSources) -> None:
    """LACNIC names its own mailbox for whole ranges; the next source decides."""
    ip = sources.serve("lacnic")
    sources.name_in_zone(ip, '"abuse@sierra.example"')
    one = sources.seek(ip)

    assert who(one) == ("abuse@sierra.example", ContactSource.ABUSE_ZONE, "abuse.example.net")
    assert "is a registry's mailbox" in said(one)["rdap"]


def test_answers_are_used_again_while_they_are_young(sources: MadeSources) -> None:
    """For the /24 around an address, as far as the network goes; then asked again."""
    sources.serve("arin")
    sources.web.replies["rdap.arin.example/registry/ip/192.0.2.9"] = Reply(status=500)
    first = sources.seek("192.0.2.7")
    sources.asked()

    assert who(sources.seek("192.0.2.9", days=13)) == who(first)
    assert sources.asked() == []
    assert sources.seek("192.0.2.200", days=13).contact is not None
    assert sources.asked() == ["rdap.arin.example/registry/ip/192.0.2.200"]
    again = sources.seek("192.0.2.7", days=15)
    assert sources.asked() == ["rdap.arin.example/registry/ip/192.0.2.7"]
    assert again.contact is not None
    assert (again.contact.found_at or NOW).day == 9


def test_a_busy_registry_is_waited_for(sources: MadeSources) -> None:
    """A letter goes out once: not to the second best because the best was busy today."""
    ip = sources.serve("ripe")
    path = "rdap.ripe.example/ip/198.51.100.7"
    good = sources.web.replies[path]
    sources.web.replies[path] = Reply(status=429, headers=(("Retry-After", "1"),))
    one = sources.seek(ip)

    assert one.contact is None
    assert "is busy (HTTP 429); try again later" in one.problem
    assert sources.asked() == [path]
    assert sources.seek(ip, hours=0.9).contact is None
    assert sources.asked() == []  # not every few minutes
    sources.web.replies[path] = good
    assert who(sources.seek(ip, hours=1.1))[0] == "abuse@cierzo.example"


def test_patience_ends(sources: MadeSources) -> None:
    """A registry that is silent for days gives way to the RIPE database, and that to the next."""
    sources.web.replies["rest.ripe.example/abuse-contact/198.51.100.7.json"] = Reply(
        (SHAPES / "ripe-abuse-c.json").read_bytes(), kind="application/json"
    )
    sources.web.replies["rdap.ripe.example/ip/198.51.100.7"] = Reply(status=500)

    assert sources.seek("198.51.100.7").contact is None
    assert sources.seek("198.51.100.7", days=2).contact is None
    one = sources.seek("198.51.100.7", days=3.1)
    assert who(one) == ("abuse@cierzo.example", ContactSource.ABUSE_C, "rest.ripe.example")
    assert "HTTP 500" in said(one)["rdap"]


def test_the_ripe_database_is_asked_for_what_ripe_has(sources: MadeSources) -> None:
    """And a mailbox that RIPE found dead is none."""
    abuse_c = (SHAPES / "ripe-abuse-c.json").read_bytes()
    path = "rest.ripe.example/abuse-contact/198.51.100.7.json"
    sources.web.replies[path] = Reply(abuse_c, kind="application/json")
    assert who(sources.seek("198.51.100.7"))[1] is ContactSource.ABUSE_C
    # the network of the answer is known now
    assert who(sources.seek("198.51.100.200"))[1] is ContactSource.ABUSE_C
    sources.asked()

    one = sources.seek("192.0.2.7")
    assert "does not have this address" in said(one)["abuse_c"]
    assert sources.asked() == ["rdap.arin.example/registry/ip/192.0.2.7"]

    sources.web.replies[path] = Reply(
        abuse_c.replace(b'"suspect": false', b'"suspect": true'), kind="application/json"
    )
    one = sources.seek("198.51.100.7", days=30)
    assert said(one)["abuse_c"] == "names nobody"


def test_a_zone_of_abuse_contacts_is_asked_by_the_resolver(sources: MadeSources) -> None:
    """Several mailboxes of one record: the abuse desk first; rubbish is none."""
    record = '"jane@nube.example, abuse@nube.example" " <x@y> \\195\\164@nube.example"'
    sources.name_in_zone("192.0.2.7", record)
    one = sources.seek("192.0.2.7")

    assert who(one)[:2] == ("abuse@nube.example", ContactSource.ABUSE_ZONE)
    assert [name for name, kind in sources.names.asked if kind == "TXT"] == [
        dns.reversename.from_address("192.0.2.7")
        .to_text()
        .replace("in-addr.arpa.", "abuse.example.net")
    ]


def test_a_name_that_leads_back_names_its_organisation(sources: MadeSources) -> None:
    """RFC 2142, at the registrable domain; whatever the host is called."""
    sources.names.add_host("192.0.2.7", "host-7.dyn.nube.example")
    one = sources.seek("192.0.2.7")

    assert who(one) == (
        "abuse@nube.example",
        ContactSource.REVERSE_NAME,
        "host-7.dyn.nube.example",
    )


@pytest.mark.parametrize("elsewhere", ["192.0.2.8", None])
def test_a_name_that_leads_elsewhere_says_nothing(
    sources: MadeSources, elsewhere: str | None
) -> None:
    """Whoever has the address writes there what they like: no letters to a third party."""
    sources.names.add_host("192.0.2.7", "mail.nube.example")
    if elsewhere is None:
        del sources.names.records["mail.nube.example", "A"]
    else:
        sources.names.add("mail.nube.example", "A", elsewhere)
    one = sources.seek("192.0.2.7")

    assert said(one)["reverse_name"] == "names nobody"
    assert who(one)[1] is ContactSource.CERT


def security_txt(
    expires: str = "2027-01-01T00:00:00Z", contact: str = "security@nube.example"
) -> Reply:
    """What nube.example publishes."""
    text = f"Contact: https://nube.example/form\nContact: mailto:{contact}\n"
    text += f"Expires: {expires}\nPreferred-Languages: es, en\n"
    return Reply(text.encode(), kind="text/plain; charset=utf-8")


def at_nube(sources: MadeSources) -> str:
    """An address of nube.example, whose abuse mailbox is dead."""
    sources.names.add_host("192.0.2.7", "mail.nube.example")
    path = sources.contacts.with_name("suppressed.log")
    suppress(path, "abuse@nube.example", Cause.DEAD, "a bounce", "550", NOW)
    return "192.0.2.7"


def test_security_txt_of_the_organisation(sources: MadeSources) -> None:
    """Its mailbox, in its language; a web form is nobody's mailbox."""
    ip = at_nube(sources)
    sources.web.replies["nube.example/.well-known/security.txt"] = security_txt()
    one = sources.seek(ip)

    assert who(one) == ("security@nube.example", ContactSource.SECURITY_TXT, "nube.example")
    assert one.contact is not None
    assert one.contact.language == "es"


@pytest.mark.parametrize(
    "reply",
    [
        security_txt(expires="2026-11-01T00:00:00Z"),
        security_txt(expires="soon"),
        security_txt(contact="a%0d%0aBcc: x@nube.example"),
        Reply(b"Contact: mailto:security@nube.example\n", kind="text/plain"),
        Reply(b"Contact: mailto:security@nube.example\n" * 9999, kind="text/plain"),
        Reply(security_txt().body, kind="text/html"),
        Reply(status=302, headers=(("Location", "https://rdap.ripe.example/security.txt"),)),
        Reply(status=500),
    ],
)
def test_security_txt_that_does_not_hold_says_nothing(sources: MadeSources, reply: Reply) -> None:
    """Expired, undated, too large, another type, elsewhere: the CERT is next, and at once."""
    ip = at_nube(sources)
    sources.web.replies["nube.example/.well-known/security.txt"] = reply

    assert who(sources.seek(ip))[1] is ContactSource.CERT


def test_security_txt_may_lie_at_a_host_of_the_same_organisation(sources: MadeSources) -> None:
    """As many do, at www."""
    ip = at_nube(sources)
    there = f"https://www.nube.example:{sources.web.port}/security.txt"
    sources.web.replies["nube.example/.well-known/security.txt"] = Reply(
        status=301, headers=(("Location", there),)
    )
    sources.web.replies["www.nube.example/security.txt"] = security_txt()

    assert who(sources.seek(ip))[0] == "security@nube.example"


def test_the_server_under_report_is_never_asked(tmp_path: Path) -> None:
    """Its organisation's web server may be the very machine; so may one that opted out."""
    with made_sources(tmp_path, ("reverse_names", "security_txt")) as sources:
        ip = at_nube(sources)
        sources.web.replies["nube.example/.well-known/security.txt"] = security_txt()
        sources.names.add_host("127.0.0.1", "web.nube.example")
        assert "is the server itself" in said(sources.seek("127.0.0.1"))["security_txt"]

        log = sources.contacts.with_name("optouts.log")
        add(log, (parse_cidr("127.0.0.1"),), "us", "", NOW, NOW)
        assert "has opted out" in said(sources.seek(ip))["security_txt"]
        assert sources.asked() == []


def test_the_national_cert_comes_last(sources: MadeSources) -> None:
    """With who said so and when; and it can be asked for by itself, for an escalation."""
    one = sources.seek("192.0.2.7")

    assert who(one) == ("incidents@cert.example", ContactSource.CERT, "a directory")
    assert one.contact is not None
    assert one.contact.found_at == datetime(2026, 11, 1, tzinfo=UTC)
    assert cert_for(sources.contacts, "ES") == one.contact
    assert cert_for(sources.contacts, "MX") is None
    assert sources.seek("198.51.100.7").contact is None  # of no known country


def test_mail_that_would_go_to_the_server_is_not_sent(sources: MadeSources) -> None:
    """A domain's mail host may be the very machine, under any name."""
    ip = sources.serve("arin")
    sources.names.add("mx.altamar.example", "A", "192.0.2.7")
    one = sources.seek(ip)

    assert "mx.altamar.example is 192.0.2.7" in said(one)["rdap"]
    assert who(one)[1] is ContactSource.CERT
    assert why_not(sources.contacts, "abuse@altamar.example", [parse_ip("192.0.2.9")]) == ""


@pytest.mark.parametrize(
    ("records", "why"),
    [
        ({("altamar.example", "MX"): ["0 ."]}, "altamar.example takes no mail"),
        ({("altamar.example", "TXT"): ['"v=spf1 -all"']}, "altamar.example takes no mail"),
        ({("altamar.example", "A"): ["192.0.2.7"]}, "it lies at the server itself"),
        ({("altamar.example", "A"): ["192.0.2.250"]}, ""),
        ({("altamar.example", "AAAA"): ["2001:db8::1"]}, ""),
        ({}, "altamar.example takes no mail"),
        (
            {("altamar.example", "MX"): [f"10 mx{at}.altamar.example." for at in range(21)]},
            "altamar.example has more than 20 mail hosts",
        ),
    ],
)
def test_where_mail_goes(
    sources: MadeSources, records: dict[tuple[str, str], list[str]], why: str
) -> None:
    """Null MX, none at all, and the domain's own address where there is no MX (RFC 5321 s5.1)."""
    del sources.names.records["altamar.example", "MX"]
    sources.names.records.update(records)
    found = why_not(sources.contacts, "abuse@altamar.example", [parse_ip("192.0.2.7")])

    assert found.startswith(why)
    assert bool(found) == bool(why)


def test_a_resolver_that_can_not_tell_stops_the_letter(sources: MadeSources) -> None:
    """Not knowing where mail goes is not the same as knowing that it goes elsewhere."""
    ip = sources.serve("arin")
    sources.names.failing.add("altamar.example")

    assert "nobody knows now where its mail goes" in sources.seek(ip).problem
    assert "try again later" in why_not(
        sources.contacts, "abuse@altamar.example", [parse_ip("192.0.2.7")]
    )


def test_who_opted_out_is_asked_about_nowhere(sources: MadeSources) -> None:
    """Not one question names the address."""
    add(sources.contacts.with_name("optouts.log"), (parse_cidr("192.0.2.0/24"),), "x", "", NOW, NOW)

    assert "opted out" in sources.seek(sources.serve("arin")).problem
    assert sources.asked() == sources.names.asked == []


def test_a_host_that_is_not_named_is_not_asked(tmp_path: Path) -> None:
    """The bootstrap may name any server; contacts.toml decides."""
    with made_sources(tmp_path, ("rdap",)) as sources:
        text = sources.contacts.read_text()
        sources.contacts.write_text(text.replace("rdap.arin.example", "other.example"))
        one = sources.seek(sources.serve("arin"))

        assert "is not among the hosts of [rdap]" in said(one)["rdap"]
        assert sources.asked() == []


def test_without_tables_nobody_is_asked(tmp_path: Path) -> None:
    """Only files and tables of ours are looked at."""
    with made_sources(tmp_path, ()) as sources:
        one = sources.seek(sources.serve("arin"))

        assert one.tried == ()
        assert sources.asked() == sources.names.asked == []


def test_a_hosts_file_is_for_labs(sources: MadeSources) -> None:
    """It knows nothing of where the internet's mail goes."""
    sources.contacts.write_text(
        'page = "https://survey.example/"\ncontact = "questions@survey.example"\n'
        'suppressed = "suppressed.log"\noptouts = "optouts.log"\n[names]\nhosts = "hosts"\n'
    )
    with pytest.raises(ConfigError, match=r"names\.hosts is for a lab"):
        sources.seek("192.0.2.7")


def test_what_is_known_is_shown_without_asking(sources: MadeSources) -> None:
    """Every kept answer, and the tables of ours."""
    ip = parse_ip(sources.serve("arin"))
    first = known_contacts(sources.settings, [ip], contacts=sources.contacts, now=NOW)[ip]
    sources.seek("192.0.2.7")
    sources.asked()
    known = known_contacts(sources.settings, [ip], contacts=sources.contacts, now=NOW)[ip]

    assert [one.source for one in first] == [ContactSource.CERT]
    assert [one.email for one in known if isinstance(one, Contact)] == [
        "abuse@altamar.example",
        "incidents@cert.example",
    ]
    assert sources.asked() == []


def test_answers_die_and_are_forgotten(sources: MadeSources) -> None:
    """After the period of contacts; and what is about an erased address alone, at once."""
    sources.name_in_zone("192.0.2.7", '"abuse@nube.example"')
    sources.name_in_zone("192.0.2.8", '"abuse@nube.example"')
    for ip in ("192.0.2.7", "192.0.2.8"):
        sources.seek(ip)
    layout = Layout(sources.settings.data)
    assert layout.contact_answers.stat().st_mode & 0o777 == 0o600

    def purge(forget: RangeSet, now: datetime) -> None:
        carry_out(
            sources.settings,
            lambda: plan_purge(sources.settings, forget=forget, now=now),
            lambda _: None,
        )

    def known(ip: str) -> list[str]:
        number = parse_ip(ip)
        some = known_contacts(sources.settings, [number], contacts=sources.contacts, now=NOW)[
            number
        ]
        return [one.email for one in some if isinstance(one, Contact)]

    purge(RangeSet.of([parse_cidr("192.0.2.7")]), NOW)
    assert known("192.0.2.7") == ["incidents@cert.example"]
    assert "abuse@nube.example" in known("192.0.2.8")
    purge(RangeSet.of(()), NOW.replace(year=2028))
    assert known("192.0.2.8") == ["incidents@cert.example"]


@pytest.mark.parametrize(
    ("old", "new", "wrong"),
    [
        ('bootstrap = "ipv4.json"', 'bootstrap = "ipv5.json"', "can't be read"),
        ('bootstrap = "ipv4.json"', 'bootstrap = "contacts.toml"', "is no JSON"),
        ('registry = "rdap.ripe', 'registry = "rdap.ripen', "is no host of [rdap]"),
        ("[names]\nresolver", "[names]\nresolvr", "resolvr"),
        ("[names]\n", '[names]\nhosts = "hosts"\n', "names no way, or two"),
        ('country = "ES"', 'country = "Spain"', "ISO 3166-1"),
        ('kind = "lab"', 'kind = "labs"', "kind"),
        ('page = "https', 'page = "http', "https page"),
        ("per_minute = 600\n", "per_minute = 0\n", "security_txt.per_minute"),
        ("said_on = 2026-11-01", 'said_on = "now"', "is no day"),
        ("[reverse_names]", "[reverse_name]", "did you mean 'reverse_names'"),
    ],
)
def test_a_wrong_file_is_one_line_about_it(
    sources: MadeSources, old: str, new: str, wrong: str
) -> None:
    """Which file, which key, and what would be right."""
    text = sources.contacts.read_text()
    assert old in text
    sources.contacts.write_text(text.replace(old, new, 1))

    with pytest.raises(ConfigError) as caught:
        sources.seek("192.0.2.7")
    assert wrong in str(caught.value)
    assert "\n" not in str(caught.value)
