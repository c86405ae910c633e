"""The table of envelopes: exact bytes, nobody else's mailbox, and what real servers tolerate."""

import re

import pytest

from survey.model.address import parse_ip
from survey.model.plan import Depth
from survey.protocols.envelopes import (
    AFTERWARDS,
    FORMS,
    MOST_IN_A_CONNECTION,
    Form,
    Parts,
    connections,
    envelope,
)
from survey.protocols.token import VARIANT_CODES

S, R = "s" * 56, "r" * 56
H = b"mail.example.com"
PARTS = Parts(S, R, "canary.example", "canary.test", parse_ip("192.0.2.7"), H)
BY_VARIANT = {form.variant: form for form in FORMS}

ENVELOPES = {
    "V0": (b"", b"R@canary.example"),
    "V1": (b"S@canary.example", b"R@canary.example"),
    "V2": (b"S@canary.test", b"R@canary.example"),
    "V3": (b"postmaster@mail.example.com", b"R@canary.example"),
    "V4": (b"postmaster@[192.0.2.7]", b"R@canary.example"),
    "V5": (b"S@localhost", b"R@canary.example"),
    "V6": (b"postmaster", b"R@canary.example"),
    "V7": (b"S@canary.example", b"R%canary.example@[192.0.2.7]"),
    "V8": (b"S@canary.example", b"R%canary.example@mail.example.com"),
    "V9": (b"S@canary.example", b'"R@canary.example"'),
    "V10": (b"S@canary.example", b'"R%canary.example"'),
    "V11": (b"S@canary.example", b"R@canary.example@[192.0.2.7]"),
    "V12": (b"S@canary.example", b'"R@canary.example"@[192.0.2.7]'),
    "V13": (b"S@canary.example", b"R@canary.example@mail.example.com"),
    "V14": (b"S@canary.example", b'"R@canary.example"@mail.example.com'),
    "V15": (b"S@canary.example", b"@[192.0.2.7]:R@canary.example"),
    "V16": (b"S@canary.example", b"@mail.example.com:R@canary.example"),
    "V17": (b"S@canary.example", b"canary.example!R"),
    "V18": (b"S@canary.example", b"canary.example!R@[192.0.2.7]"),
    "V19": (b"S@canary.example", b"canary.example!R@mail.example.com"),
    "V20": (b"S@canary.example", b"R@canary.example@"),
    "V21": (b"S@canary.example", b"R;canary.example@mail.example.com"),
    "V22": (b"S@canary.example", b"R:canary.example@mail.example.com"),
    "V23": (b"S@canary.example", b"canary.example:R@mail.example.com"),
    "C0": (b"S@canary.example", b"postmaster@mail.example.com"),
    "C1": (b"S@canary.example", b"R@nxdomain.invalid"),
}


def spelled(pattern: bytes) -> bytes:
    """With the tokens in full."""
    return re.sub(rb"\b([SR])\b", lambda found: found[0].lower() * 56, pattern)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.variant)
def test_every_envelope_is_these_bytes(form: Form) -> None:
    """A published id means one envelope for ever."""
    made = envelope(form, PARTS, tls=False)
    sender, recipient = ENVELOPES[form.variant]
    assert (made.sender, made.recipient) == (spelled(sender), spelled(recipient))
    assert made.mailbox == f"{R}@canary.example"
    assert made.token == ("" if form.control else R)


def test_the_control_behind_a_message_names_no_mailbox() -> None:
    """Nobody can get what is sent to nobody; its bounces would come home."""
    made = envelope(AFTERWARDS, PARTS, tls=False)
    assert (made.variant, made.sender, made.recipient, made.token) == (
        "C2",
        spelled(b"S@canary.example"),
        b"",
        "",
    )
    assert AFTERWARDS.variant in VARIANT_CODES
    assert AFTERWARDS not in FORMS


def test_every_published_form_is_there_once() -> None:
    """V0 to V20, the further ones, and the controls; each has its number in a token."""
    variants = [form.variant for form in FORMS]
    assert len(set(variants)) == len(variants)
    assert set(variants) == set(ENVELOPES)
    assert {f"V{number}" for number in range(21)} | {"C0", "C1"} <= set(variants)
    assert set(variants) <= set(VARIANT_CODES)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.variant)
def test_no_envelope_names_anybody_else(form: Form) -> None:
    """Ours, the server's own, or what can't exist; and one mailbox only (law 2)."""
    made = envelope(form, PARTS, tls=False)
    for path in (made.sender, made.recipient):
        assert not re.search(rb"[\s<>,\x00-\x1f\x7f-\xff]", path)
        hosts = re.findall(rb"[a-z0-9-]+(?:\.[a-z0-9-]+)+", path)
        ours = {b"canary.example", b"canary.test", H, b"192.0.2.7", b"nxdomain.invalid"}
        assert set(hosts) <= ours
    assert made.recipient.count(b"r" * 56) == (form.variant != "C0")
    assert (H in made.sender + made.recipient) == form.own_name


def test_a_name_that_is_not_proven_is_never_written() -> None:
    """That is a mistake of ours, and stops the work."""
    nameless = Parts(S, R, "canary.example", "canary.test", parse_ip("192.0.2.7"), None)
    for form in FORMS:
        if form.own_name:
            with pytest.raises(AssertionError):
                envelope(form, nameless, tls=False)
        else:
            assert b"None" not in envelope(form, nameless, tls=False).recipient


def test_the_standard_test_is_two_connections() -> None:
    """Plain forms, each group with its control."""
    groups = [[form.variant for form in group] for group in connections(Depth.STANDARD)]
    assert groups == [["V1", "V3", "V0", "C0"], ["V2", "V5", "V6", "C1"]]


def test_the_full_test_is_four_connections_that_begin_like_the_standard_one() -> None:
    """So that a deeper campaign can be compared with one that was not."""
    full = connections(Depth.FULL)
    assert len(full) == 4
    assert {form.variant for group in full for form in group} == set(ENVELOPES)
    for standard, group in zip(connections(Depth.STANDARD), full, strict=False):
        assert group[: len(standard)] == standard


EXIM_CALLS_BAD_SYNTAX = frozenset(
    {"V4", "V7", "V11", "V12", "V13", "V15", "V18", "V20", "V21", "V22", "V23"}
)


@pytest.mark.parametrize("group", connections(Depth.FULL), ids=["1", "2", "3", "4"])
def test_no_connection_is_more_than_servers_tolerate(group: tuple[Form, ...]) -> None:
    """At most 8; what stock Exim calls a syntax error last, and at most 4 of it; literals last."""
    assert len(group) <= MOST_IN_A_CONNECTION
    odd = [form.variant in EXIM_CALLS_BAD_SYNTAX for form in group]
    assert odd == sorted(odd)
    assert sum(odd) <= 4
    literals = ["[" in form.sender + form.recipient for form in group]
    assert literals == sorted(literals)


def test_a_follow_up_tries_what_is_wanted_in_its_place() -> None:
    """Whatever the depth of the campaign."""
    groups = connections(Depth.STANDARD, ("V8", "V0", "V3", "V5"))
    assert [[form.variant for form in group] for group in groups] == [["V3", "V0"], ["V5"], ["V8"]]
