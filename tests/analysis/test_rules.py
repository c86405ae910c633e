"""What holds for every rule, and what each one says of a row; the former without a database."""

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from made_data import arrived, seen
from made_judgement import judged, refusal, reply

from survey.analysis.findings import Material, write_findings
from survey.analysis.rules import RANKED, RELAY_RULES, TUNNEL_RULES, rank, render, rules_for
from survey.model.address import parse_ip
from survey.model.arrival import ArrivalKind
from survey.model.failure import Failure
from survey.model.observation import Protocol, Step
from survey.model.probe import Probe
from survey.model.verdict import Rung, Verdict
from survey.protocols.envelopes import FORMS
from survey.storage.layout import Layout
from survey.storage.shard_file import rows
from survey.targets.ranges import RangeSet

RULES = (*RELAY_RULES, *TUNNEL_RULES)


def test_ids_are_unique_and_well_formed() -> None:
    """An id is ``<kind>.<situation>`` and stands for one rule."""
    assert max(Counter(rule.id for rule in RULES).values()) == 1
    assert all(re.fullmatch(r"(relay|tunnel)\.[a-z_]+", rule.id) for rule in RULES)


def test_every_rule_has_a_comment() -> None:
    """A sentence that a reader without SQL understands."""
    for rule in RULES:
        assert rule.comment.endswith(".")
        assert len(rule.comment.split()) >= 5


def test_last_rule_of_each_table_applies_always() -> None:
    """So every observation has a verdict."""
    for table in (RELAY_RULES, TUNNEL_RULES):
        assert table[-1].condition == "TRUE"
        assert all(rule.condition != "TRUE" for rule in table[:-1])


def test_open_means_proven_at_the_canary() -> None:
    """Law 4: no open verdict without an arrival, and none below R5."""
    for rule in RULES:
        proof = re.match(r"(letter|tunnel)\b(?!_)", rule.condition)
        assert (rule.verdict is Verdict.OPEN) == bool(proof), rule.id
        assert (rule.verdict is Verdict.OPEN) == (rule.rung >= Rung.R5), rule.id


def test_rungs_fit_verdicts() -> None:
    """Suspected is R3 or R4; closed and unknown are at most R2; R7 is what was reproduced."""
    for rule in RULES:
        if rule.verdict is Verdict.SUSPECTED:
            assert rule.rung in {Rung.R3, Rung.R4}
        if rule.verdict in {Verdict.CLOSED, Verdict.UNKNOWN}:
            assert rule.rung <= Rung.R2
        assert (rule.rung is Rung.R7) == rule.condition.endswith("AND reproduced")


def test_every_probe_has_a_table() -> None:
    """Relays are judged by one, tunnels by the other."""
    assert rules_for(Probe.SMTP_RELAY) is RELAY_RULES
    assert {rules_for(probe) for probe in Probe if not probe.is_relay} == {TUNNEL_RULES}


def test_controls_are_the_forms_whose_id_begins_with_c() -> None:
    """The judgement leaves them out by that letter."""
    assert {form.variant for form in FORMS if form.control} == {
        form.variant for form in FORMS if form.variant.startswith("C")
    }


def test_rank_goes_by_rung_then_by_place_in_the_table() -> None:
    """Lower is stronger."""
    for table in (RELAY_RULES, TUNNEL_RULES):
        keys = [(-rule.rung, rank(rule)) for rule in table]
        assert [rank(rule) for rule in sorted(table, key=lambda rule: -rule.rung)] == [
            place for _, place in sorted(keys)
        ]
    assert len(RANKED) == len(RULES)


def test_table_is_rendered_as_one_case_in_its_order() -> None:
    """First match wins."""
    text = render(RELAY_RULES)

    assert text.startswith("CASE ")
    assert text.endswith(" END")
    assert [int(place) for place in re.findall(r"THEN (\d+)", text)] == list(map(rank, RELAY_RULES))
    assert text.count("WHEN ") == len(RELAY_RULES)


@dataclass(frozen=True)
class Case:
    """One row, what arrived for it, and what must be said of it."""

    rule: str
    row: dict
    probe: Probe = Probe.SMTP_RELAY
    arrivals: tuple = field(default=())


LETTER = arrived(ArrivalKind.MESSAGE, "t")
TORN = arrived(ArrivalKind.MESSAGE, "t", complete=False)
THROUGH = arrived(ArrivalKind.TUNNEL, "t", nonce="n")
HTTP, SOCKS5, SOCKS4 = Probe.HTTP_CONNECT, Probe.SOCKS5, Probe.SOCKS4
GET, POST = Probe.HTTP_GET, Probe.HTTP_POST
ONE_WAY = arrived(ArrivalKind.TUNNEL, "t")
MAIL, WEB = {"variant": "mail"}, {"variant": "web"}
ANOTHER = {"step": Step.SPOKE, "code": 200, "failure": Failure.GARBAGE}
POSTFIX = "4.7.1 <x@a.example>: Relay access denied"

CASES = (
    Case("relay.message_arrived", {"step": Step.SENT, "token": "t"}, arrivals=(LETTER,)),
    Case("relay.message_arrived", {"step": Step.SENT, "token": "t"}, arrivals=(TORN, LETTER)),
    # the peer hung up before its 250, and delivered all the same
    Case(
        "relay.message_arrived",
        {"step": Step.ACCEPTED, "failure": Failure.CLOSED, "token": "t"},
        arrivals=(LETTER,),
    ),
    Case("relay.message_torn", {"step": Step.SENT, "token": "t"}, arrivals=(TORN,)),
    Case("relay.message_taken", {"step": Step.SENT, "token": "t"}),
    *(
        Case(
            "relay.message_taken", {"step": Step.SENT, "token": "t"}, arrivals=(arrived(kind, "t"),)
        )
        for kind in (ArrivalKind.CALLOUT, ArrivalKind.DSN, ArrivalKind.STRAY, ArrivalKind.TUNNEL)
    ),
    Case("relay.message_taken", {"step": Step.SENT, "token": "other"}, arrivals=(LETTER,)),
    Case("relay.denied_at_data", reply(554, "relay access denied", "DATA", step=Step.ACCEPTED)),
    Case("relay.recipient_accepted", {"step": Step.ACCEPTED, "code": 250}),
    Case("relay.recipient_accepted", reply(550, "spam", "MESSAGE", step=Step.ACCEPTED)),
    Case("relay.blocked", reply(554, "5.7.1 Client host [192.0.2.9] blocked using dnsbl.example")),
    Case("relay.blocked", reply(554, "your address is listed on bl.example", "GREETING")),
    Case("relay.blocked", reply(421, "too bad a reputation", "EHLO")),
    Case("relay.blocked", reply(550, "go away, 192.0.2.9!", source=parse_ip("192.0.2.9"))),
    Case("relay.blocked", reply(554, "5.7.1 your host is an open relay")),
    Case("relay.blocked", reply(550, "Dynamic IP pools are not welcome")),
    # sendmail names us, and refuses to relay all the same
    Case(
        "relay.denied",
        reply(550, "Relaying denied. Lookup failed [192.0.2.9]", source=parse_ip("192.0.2.9")),
    ),
    Case("relay.denied", reply(550, "no user 192.0.2.9", source=parse_ip("192.0.2.1"))),
    Case("relay.tls_failed", reply(454, "4.7.0 TLS not available", "STARTTLS")),
    Case("relay.tls_failed", {"step": Step.SPOKE, "failure": Failure.HANDSHAKE}),
    Case("relay.no_tls", {"failure": Failure.HANDSHAKE, "tls": True}),
    Case("relay.no_tls", {"failure": Failure.HANDSHAKE, "protocol": Protocol.TLS}),
    Case(
        "relay.in_the_clear",
        {"failure": Failure.WRONG_PROTOCOL, "protocol": Protocol.SMTP, "tls": True},
    ),
    Case("relay.tls_first", reply(530, "5.7.0 Must issue a STARTTLS command first", "MAIL")),
    Case("relay.greylisted", reply(450, "4.2.0 Greylisted, see http://relay.example/")),
    Case("relay.greylisted", reply(451, "Relaying is paused, please try again later")),
    Case("relay.greylisted", reply(450, "4.3.2 Service currently unavailable")),
    Case("relay.greylisted", reply(451, "4.7.1 Please try later", "MAIL")),
    Case("relay.no_mail_here", reply(521, "mx.example does not accept mail", "GREETING")),
    Case("relay.auth_required", reply(530, "5.7.0 Authentication required", "MAIL")),
    Case("relay.auth_required", reply(550, "5.7.1 Client was not authenticated")),
    Case("relay.auth_required", reply(503, "you must authenticate before you send", "MAIL")),
    Case("relay.denied", reply(554, "5.7.1 <x@a.example>: Relay access denied")),
    Case("relay.denied", reply(550, "5.1.1 no such user here")),
    Case("relay.denied", reply(550, "we do not relay.", "MAIL")),
    Case("relay.denied_softly", reply(454, POSTFIX)),
    Case("relay.denied_softly", reply(451, "\xe9\xe9 relaying denied")),
    Case("relay.sender_refused", reply(553, "5.1.8 Sender address rejected: not found")),
    Case("relay.sender_refused", reply(550, "SPF fail", "MAIL")),
    Case("relay.greeting_refused", reply(554, "no SMTP service here", "GREETING")),
    Case("relay.later", reply(451, "4.3.0 local problem")),
    Case("relay.later", reply(421, "too many errors, try again later")),
    # nor does one in a mailbox's
    Case("relay.denied", reply(550, "5.1.1 <x@starttls.rbl.example>: no such user")),
    Case("relay.denied", reply(550, "5.1.1 x%a.example@relay-denied.blocked.example? No")),
    Case("relay.denied_softly", reply(454, "4.7.1 <x@greylisted.a.example>: Relay denied")),
    # the word in a host's name refuses nothing
    Case("relay.later", reply(450, "relay7.example.net has a local problem")),
    Case("relay.other_refusal", reply(502, "what?", "EHLO")),
    Case("relay.other_refusal", reply(503, "bad sequence")),
    Case("relay.broke_off", {"step": Step.SPOKE, "failure": Failure.CLOSED}),
    Case("relay.tls", {"failure": Failure.WRONG_PROTOCOL, "protocol": Protocol.TLS}),
    Case("relay.other_protocol", {"failure": Failure.WRONG_PROTOCOL, "protocol": Protocol.SSH}),
    Case("relay.no_word", {"failure": Failure.STALLED}),
    Case("relay.no_word", {"failure": Failure.GARBAGE}),
    Case("relay.nothing_listens", {"step": Step.NOTHING, "failure": Failure.REFUSED}),
    Case("relay.no_contact", {"step": Step.NOTHING, "failure": Failure.CONNECT_TIMEOUT}),
    *(
        Case(
            rule,
            {"step": Step.ECHOED, "token": "t", "nonce": "n", "variant": variant},
            probe,
            (THROUGH,),
        )
        for probe in (HTTP, SOCKS5, SOCKS4, Probe.SOCKS4A)
        for variant, rule in (("echo", "tunnel.proven"), ("mail", "tunnel.mail_proven"))
    ),
    Case("tunnel.nonce_unmatched", {"step": Step.ECHOED, "token": "t", "nonce": "n"}, SOCKS5),
    # the right nonce for another's token, and another nonce for this token
    Case(
        "tunnel.nonce_unmatched",
        {"step": Step.ECHOED, "token": "u", "nonce": "n"},
        SOCKS5,
        (THROUGH,),
    ),
    Case(
        "tunnel.nonce_unmatched",
        {"step": Step.ECHOED, "token": "t", "nonce": "m"},
        SOCKS5,
        (THROUGH,),
    ),
    # a message that names a tunnel's token proves nothing about the tunnel
    Case(
        "tunnel.nonce_unmatched",
        {"step": Step.ECHOED, "token": "t", "nonce": "n"},
        SOCKS5,
        (LETTER,),
    ),
    Case("tunnel.token_forwarded", {"step": Step.SENT, "token": "t"}, HTTP, (THROUGH,)),
    Case("tunnel.token_forwarded", refusal(502) | {"token": "t"}, HTTP, (THROUGH,)),
    Case("tunnel.token_sent", {"step": Step.SENT, "token": "t"}, HTTP),
    Case(
        "tunnel.page",
        {
            "step": Step.ACCEPTED,
            "code": 200,
            "received": b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n",
        },
        HTTP,
    ),
    Case(
        "tunnel.page",
        {"step": Step.ACCEPTED, "code": 200, "received": b"HTTP/1.0 200 OK\r\n\r\n<HTML>"},
        HTTP,
    ),
    Case(
        "tunnel.granted",
        {
            "step": Step.ACCEPTED,
            "code": 200,
            "received": b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        },
        HTTP,
    ),
    Case(
        "tunnel.granted", {"step": Step.ACCEPTED, "code": 0, "received": b"\x05\x00<html"}, SOCKS5
    ),
    Case(
        "tunnel.mail_proven",
        {"step": Step.ECHOED, "token": "t", "nonce": "n"} | MAIL,
        POST,
        (THROUGH,),
    ),
    Case("tunnel.proven", {"step": Step.ECHOED, "token": "t", "nonce": "n"} | WEB, GET, (THROUGH,)),
    Case(
        "tunnel.mail_posted_one_way", refusal(502, "POST") | MAIL | {"token": "t"}, POST, (ONE_WAY,)
    ),
    Case("tunnel.posted_one_way", refusal(502, "POST") | {"token": "t"}, POST, (ONE_WAY,)),
    # a page of its own, though our canary heard what we posted
    Case("tunnel.posted_one_way", ANOTHER | {"token": "t"}, POST, (THROUGH,)),
    Case("tunnel.token_forwarded", ANOTHER | WEB | {"token": "t"}, GET, (THROUGH,)),
    # a cache has a nonce, but of another connection
    Case(
        "tunnel.nonce_unmatched",
        {"step": Step.ECHOED, "token": "u", "nonce": "n"} | WEB,
        GET,
        (THROUGH,),
    ),
    Case("tunnel.another_answer", ANOTHER | WEB, GET),
    Case("tunnel.another_answer", ANOTHER, POST),
    Case("tunnel.broke_off", ANOTHER | {"failure": Failure.STALLED}, POST),
    *(Case("tunnel.auth_required", refusal(code, "GET") | WEB, GET) for code in (401, 407)),
    Case("tunnel.auth_required", refusal(0, "LOGIN") | {"code": None}, Probe.TELNET),
    Case("tunnel.denied", refusal(403, "POST"), POST),
    Case("tunnel.far_end_failed", refusal(502, "POST"), POST),
    Case("tunnel.not_a_proxy", refusal(405, "POST"), POST),
    Case("tunnel.not_a_proxy", refusal(302, "GET") | WEB, GET),
    Case("tunnel.other_refusal", refusal(411, "POST"), POST),
    Case("tunnel.other_refusal", refusal(0) | {"code": None}, Probe.TELNET),
    Case("tunnel.tls", {"failure": Failure.HANDSHAKE, "protocol": Protocol.TLS, "tls": True}, GET),
    *(Case("tunnel.far_end_failed", refusal(code), HTTP) for code in (500, 502, 503, 504)),
    *(Case("tunnel.far_end_failed", refusal(code), SOCKS5) for code in (1, 3, 4, 5, 6)),
    *(Case("tunnel.identd_wanted", refusal(code), SOCKS4) for code in (92, 93)),
    *(Case("tunnel.auth_required", refusal(code), HTTP) for code in (401, 407)),
    *(Case("tunnel.auth_required", refusal(code, "METHOD"), SOCKS5) for code in (1, 2, 255)),
    Case("tunnel.denied", refusal(403), HTTP),
    Case("tunnel.denied", refusal(2), SOCKS5),
    Case("tunnel.rejected", refusal(91), SOCKS4),
    *(Case("tunnel.not_a_proxy", refusal(code), HTTP) for code in (302, 400, 404, 405, 501)),
    Case("tunnel.not_a_proxy", refusal(7), SOCKS5),
    Case("tunnel.other_refusal", refusal(429), HTTP),
    Case("tunnel.other_refusal", refusal(8), SOCKS5),
    Case("tunnel.broke_off", {"step": Step.SPOKE, "failure": Failure.STALLED}, HTTP),
    Case("tunnel.tls", {"failure": Failure.WRONG_PROTOCOL, "protocol": Protocol.TLS}, HTTP),
    Case(
        "tunnel.other_protocol",
        {"failure": Failure.WRONG_PROTOCOL, "protocol": Protocol.TLS},
        SOCKS5,
    ),
    Case(
        "tunnel.other_protocol",
        {"failure": Failure.WRONG_PROTOCOL, "protocol": Protocol.HTTP},
        SOCKS5,
    ),
    Case("tunnel.no_word", {"failure": Failure.STALLED}, SOCKS5),
    Case("tunnel.nothing_listens", {"step": Step.NOTHING, "failure": Failure.REFUSED}, HTTP),
    Case("tunnel.no_contact", {"step": Step.NOTHING, "failure": Failure.UNREACHABLE}, HTTP),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_rule_says_what_it_should_of_its_row(tmp_path: Path, case: Case) -> None:
    """Each situation meets the rule that is meant for it."""
    known = {"variant": "V1" if case.probe.is_relay else "echo"} | case.row
    (finding,) = judged(tmp_path, [seen("192.0.2.1", case.probe, **known)], case.arrivals)
    rule = next(rule for rule in RULES if rule.id == finding["rule"])

    assert finding["rule"] == case.rule
    assert finding["verdict"] == rule.verdict
    assert finding["rung"] == rule.rung


def test_every_rule_is_met_by_a_row() -> None:
    """No rule without a situation of its own; those of two rows have tests of their own."""
    of_two_rows = {"relay.refuses_everything"}
    met = {case.rule for case in CASES} | of_two_rows
    assert met == {rule.id for rule in RULES if rule.rung < Rung.R7}


ANY = "<%b>: Recipient address rejected: Access denied"
USER = "<%b>: Recipient address rejected: User unknown"


@pytest.mark.parametrize(
    ("stranger", "postmaster", "rule"),
    [
        (
            reply(554, ANY.replace("%b", "x@a.example")),
            reply(554, ANY.replace("%b", "p@b.example")),
            "relay.refuses_everything",
        ),
        (reply(554, "no"), reply(554, "no"), "relay.refuses_everything"),
        # it tells a mailbox that it lacks from one elsewhere
        (
            reply(550, ANY.replace("%b", "x@a.example")),
            reply(550, USER.replace("%b", "p@b.example")),
            "relay.denied",
        ),
        # it says what it refuses
        (reply(554, "relaying denied"), reply(554, "relaying denied"), "relay.denied"),
        (reply(454, POSTFIX), reply(454, POSTFIX), "relay.denied_softly"),
        (reply(554, "no"), {"step": Step.ACCEPTED, "code": 250}, "relay.denied"),
    ],
)
def test_a_refusal_of_the_postmaster_too_may_be_about_us(
    tmp_path: Path, stranger: dict, postmaster: dict, rule: str
) -> None:
    """Then nothing is certain, unless it says that it does not relay."""
    observations = [
        seen("192.0.2.1", variant="V1", **stranger),
        seen("192.0.2.1", variant="C0", **postmaster),
    ]
    (finding,) = judged(tmp_path, observations)
    assert finding["rule"] == rule


def test_a_mailbox_that_it_lacks_is_no_refusal_of_everything(tmp_path: Path) -> None:
    """A server without a postmaster says of `u;d` at its own name what it says of him."""
    unknown = reply(550, USER.replace("%b", "p@b.example"))
    observations = [
        seen("192.0.2.1", variant="V1", **reply(550, "Relaying denied")),
        seen("192.0.2.1", variant="C0", **unknown),
        seen("192.0.2.1", variant="V21", **unknown),
    ]
    (finding,) = judged(tmp_path, observations)
    assert (finding["rule"], finding["verdict"]) == ("relay.denied", "closed")


def test_an_arrival_days_later_makes_it_open(tmp_path: Path) -> None:
    """Queues hold mail for days; the message proves as much then."""
    taken = seen("192.0.2.1", step=Step.SENT, token="t", code=250, reply=b"250 queued")
    (before,) = judged(tmp_path / "before", [taken])
    late = replace(LETTER, at=taken.started_at + timedelta(days=6))
    (after,) = judged(tmp_path / "after", [taken], (late,))
    assert (before["rule"], before["verdict"]) == ("relay.message_taken", "suspected")
    assert (after["rule"], after["verdict"]) == ("relay.message_arrived", "open")


def test_control_never_decides(tmp_path: Path) -> None:
    """A postmaster that takes mail says nothing about relaying."""
    (finding,) = judged(
        tmp_path,
        [
            seen("192.0.2.1", **reply(454, POSTFIX)),
            seen("192.0.2.1", variant="C0", step=Step.ACCEPTED, code=250),
        ],
    )

    assert finding["rule"] == "relay.denied_softly"


def test_best_variant_decides(tmp_path: Path) -> None:
    """Open for one form is open; its row gives code, reply and exit."""
    (finding,) = judged(
        tmp_path,
        [
            seen("192.0.2.1", variant="V1", **reply(454, POSTFIX)),
            seen("192.0.2.1", variant="V3", step=Step.SENT, token="t", code=250, reply=b"250 ok"),
        ],
        (LETTER,),
    )

    assert finding["rule"] == "relay.message_arrived"
    assert (finding["variant"], finding["code"], finding["reply"]) == ("V3", 250, b"250 ok")
    assert finding["exit_ip"] == LETTER.peer


def test_port_rule_of_an_open_proxy_hides_nothing(tmp_path: Path) -> None:
    """Denied to the mail port, proven to the echo port: an open proxy."""
    (finding,) = judged(
        tmp_path,
        [
            seen("192.0.2.1", SOCKS5, "echo", step=Step.ECHOED, token="t", nonce="n"),
            seen("192.0.2.1", SOCKS5, "mail", canary_port=25, **refusal(2)),
        ],
        (THROUGH,),
    )

    assert (finding["rule"], finding["rung"]) == ("tunnel.proven", 5)


@pytest.mark.parametrize(
    ("other", "decides"),
    [
        (reply(450, "greylisted"), "relay.greylisted"),
        (reply(554, "blocked"), "relay.blocked"),
        (reply(421, "bye"), "relay.denied"),
        ({"step": Step.SPOKE, "failure": Failure.CLOSED}, "relay.denied"),
        (reply(553, "sender rejected", "MAIL"), "relay.denied"),
    ],
)
def test_only_a_doubt_that_may_hide_an_open_relay_outweighs_a_refusal(
    tmp_path: Path, other: dict, decides: str
) -> None:
    """On one rung, greylisting and blocklists stand above a refusal, silences below."""
    (finding,) = judged(
        tmp_path,
        [
            seen("192.0.2.1", variant="V1", **reply(550, "relaying denied")),
            seen("192.0.2.1", variant="V0", **other),
        ],
    )

    assert finding["rule"] == decides


def test_later_attempt_replaces_an_earlier_one_but_never_a_proof(tmp_path: Path) -> None:
    """After greylisting the second answer counts; what was proven stays proven."""
    greylisted = seen("192.0.2.1", **reply(450, "greylisted"))
    denied = seen("192.0.2.1", attempt=1, **reply(550, "relaying denied"))
    proven = seen("192.0.2.2", step=Step.SENT, token="t")
    shut = seen("192.0.2.2", attempt=1, **reply(550, "relaying denied"))
    findings = judged(tmp_path, [greylisted, denied, proven, shut], (LETTER,))

    assert [one["rule"] for one in findings] == ["relay.denied", "relay.message_arrived"]


def test_finding_shows_the_exit_and_what_a_proxy_adds(tmp_path: Path) -> None:
    """Names of headers, each once; nothing where no head can be seen; the exit of one way, too."""
    headers = b"Via: 1.1 x\n\x0aX-Forwarded-For: via: \\x0aforwarded: 192.0.2.1\nvia: 1.0 y\n"
    named = arrived(ArrivalKind.TUNNEL, "t", nonce="n", headers=headers)
    quiet = arrived(ArrivalKind.TUNNEL, "q")
    findings = judged(
        tmp_path,
        [
            seen("192.0.2.1", GET, "web", step=Step.ECHOED, token="t", nonce="n"),
            seen("192.0.2.2", POST, "mail", token="q", **refusal(502, "POST")),
            seen("192.0.2.3", SOCKS5, "echo", step=Step.ECHOED, token="t", nonce="n"),
            seen("192.0.2.4", GET, "web", **ANOTHER),
        ],
        (named, quiet),
    )

    assert [one["adds_identity"] for one in findings] == ["via, x-forwarded-for", "", None, None]
    assert [one["exit_ip"] for one in findings] == [named.peer, quiet.peer, named.peer, None]


def test_hostile_reply_is_only_read(tmp_path: Path) -> None:
    """Bytes that are no text, quotes and SQL change nothing but their own row."""
    hostile = bytes(range(256)) + b"'; DROP TABLE rules; -- \xff\xfe relaying denied"
    (finding,) = judged(
        tmp_path,
        [seen("192.0.2.1", step=Step.SPOKE, refused_at="RCPT", code=550, reply=hostile)],
    )

    assert finding["rule"] == "relay.denied"
    assert finding["reply"] == hostile


def test_slices_give_the_same_findings(tmp_path: Path) -> None:
    """Whatever the size of a slice, and no host is cut in two."""
    observations = [
        seen(f"192.0.{net}.{host}", probe, step=Step.ACCEPTED)
        for net in range(6)
        for host in (0, 255)
        for probe in (Probe.SMTP_RELAY, SOCKS5)
    ]
    observed = tmp_path / "observations.parquet"
    pq.write_table(rows("run", 0, observations), observed)
    tables = []
    for size in (1, 5, 1000):
        layout = Layout(tmp_path / str(size))
        material = Material("c", "r", (observed,), (), RangeSet.of(()), 0)
        write_findings(layout, material, slice_rows=size)
        run = layout.run("c", "r")
        tables.append((pq.read_table(run.findings), pq.read_table(run.hosts)))

    assert tables[0] == tables[1] == tables[2]
    assert tables[0][0].num_rows == 24
    assert tables[0][1].num_rows == 12
