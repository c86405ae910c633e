"""Reading the RIPE database's answer about an abuse contact."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.enrichment.contacts.abuse_c import read_abuse_c
from survey.enrichment.contacts.rdap import UnreadableError
from survey.model.address import Range, parse_ip
from survey.model.contact_answer import alone

SHAPE = json.loads(
    (Path(__file__).parents[2] / "made" / "rdap_shapes" / "ripe-abuse-c.json").read_text()
)
IP = parse_ip("198.51.100.7")


def read(content: Any) -> tuple[Range, list[str]]:
    """What is read."""
    about, mailboxes = read_abuse_c(json.dumps(content).encode(), IP)
    return about, [one.email for one in mailboxes]


def test_the_mailbox_and_for_which_addresses() -> None:
    """At most the /24 around the address."""
    net = Range(parse_ip("198.51.100.0"), parse_ip("198.51.100.255"))

    assert read(SHAPE) == (net, ["abuse@cierzo.example"])
    wide = SHAPE | {"parameters": {"primary-key": {"value": "10.1.0.0-10.1.255.255"}}}
    about, _ = read_abuse_c(json.dumps(wide).encode(), parse_ip("10.1.2.3"))
    assert about == Range(parse_ip("10.1.2.0"), parse_ip("10.1.2.255"))


@pytest.mark.parametrize(
    "parameters",
    [
        None,
        {},
        {"primary-key": None},
        {"primary-key": {"value": "AS64500"}},
        {"primary-key": {"value": "192.0.2.0 - 192.0.2.255"}},
        {"primary-key": {"value": "999.0.0.0 - 999.0.0.1"}},
        {"primary-key": {"value": ["198.51.100.0 - 198.51.100.255"]}},
    ],
)
def test_what_says_no_range_is_about_the_address_alone(parameters: Any) -> None:
    """A network's number, another range, rubbish."""
    assert read(SHAPE | {"parameters": parameters})[0] == alone(IP)


@pytest.mark.parametrize(
    "said",
    [{}, {"email": None}, {"email": ""}, {"email": "a b@c.example"}, {"email": ["a@b.example"]},
     {"email": "abuse@cierzo.example", "suspect": True}],
)  # fmt: skip
def test_what_names_nobody_usable(said: Any) -> None:
    """Also what RIPE's own validation found dead."""
    assert read(SHAPE | {"abuse-contacts": said})[1] == []


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"[" * 99_999, b'{"abuse-contacts": []}'])
def test_what_is_no_answer_is_said_to_be_none(data: bytes) -> None:
    """An error page, say."""
    with pytest.raises(UnreadableError):
        read_abuse_c(data, IP)


@given(st.binary(max_size=200))
def test_any_bytes_end_in_an_answer_or_none(data: bytes) -> None:
    """Nothing else is raised."""
    with suppress(UnreadableError):
        read_abuse_c(data, IP)
