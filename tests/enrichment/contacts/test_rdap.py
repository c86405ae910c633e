"""Reading RDAP answers: the shapes of the five regional registries, and hostile ones."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.enrichment.contacts.rdap import MOST_MAILBOXES, UnreadableError, read_network
from survey.model.address import Range, parse_ip

SHAPES = Path(__file__).parents[2] / "made" / "rdap_shapes"
IP = parse_ip("192.0.2.7")


def network(*entities: Any, **more: Any) -> dict[str, Any]:
    """A network around IP with these entities."""
    return {
        "objectClassName": "ip network",
        "startAddress": "192.0.2.0",
        "endAddress": "192.0.2.255",
        "entities": list(entities),
    } | more


def entity(*emails: Any, roles: Any = ("abuse",), **more: Any) -> dict[str, Any]:
    """An entity with these mailboxes, as text or as (text, parameters)."""
    pairs = [one if isinstance(one, tuple) else (one, {}) for one in emails]
    card = [["email", parameters, "text", email] for email, parameters in pairs]
    return {"roles": list(roles), "vcardArray": ["vcard", card]} | more


def emails(content: Any, ip: int = IP) -> list[str]:
    """The mailboxes that are read from an answer."""
    return [one.email for one in read_network(json.dumps(content).encode(), ip).mailboxes]


@pytest.mark.parametrize(
    ("registry", "ip", "first", "last", "wanted"),
    [
        ("arin", "192.0.2.7", "192.0.2.0", "192.0.2.127", ["abuse@altamar.example"]),
        (
            "ripe",
            "198.51.100.7",
            "198.51.100.0",
            "198.51.100.255",
            ["abuse@cierzo.example", "office@cierzo.example"],
        ),
        (
            "apnic",
            "203.0.113.5",
            "203.0.113.0",
            "203.0.113.127",
            ["abuse@kumo.example", "office@kumo.example"],
        ),
        ("lacnic", "203.0.113.130", "203.0.113.128", "203.0.113.191", ["abuse@lacnic.net"]),
        (
            "afrinic",
            "203.0.113.200",
            "203.0.113.192",
            "203.0.113.255",
            ["abuse@bahari.example", "noc@bahari.example"],
        ),
    ],
)
def test_every_registrys_shape_is_read(
    registry: str, ip: str, first: str, last: str, wanted: list[str]
) -> None:
    """Nested under the organisation, marked by type or by preference, self-listed, or none."""
    read = read_network((SHAPES / f"{registry}.json").read_bytes(), parse_ip(ip))

    assert read.addresses == Range(parse_ip(first), parse_ip(last))
    assert [one.email for one in read.mailboxes] == wanted


@pytest.mark.parametrize(
    ("registry", "ip", "name", "language"),
    [
        ("arin", "192.0.2.7", "Altamar Broadband", ""),
        ("ripe", "198.51.100.7", "Cierzo Hosting", ""),
        ("apnic", "203.0.113.5", "Kumo Hosting", ""),
        ("lacnic", "203.0.113.130", "Sierra Internet", "es"),
        ("afrinic", "203.0.113.200", "Bahari Internet", ""),
    ],
)
def test_the_organisations_name_and_the_desks_language_come_along(
    registry: str, ip: str, name: str, language: str
) -> None:
    """A letter names who has the network, not "Abuse Desk", and is written in their language."""
    read = read_network((SHAPES / f"{registry}.json").read_bytes(), parse_ip(ip))

    assert {(one.name, one.language) for one in read.mailboxes} == {(name, language)}


def test_cards_in_their_new_form_are_read() -> None:
    """RFC 9553, in the member that AFRINIC's servers use for it."""
    card = {
        "@type": "Card",
        "kind": "org",
        "name": {"full": "Bahari Internet"},
        "emails": {
            "a": {"address": "noc@bahari.example"},
            "b": {"address": "abuse@bahari.example", "pref": 1},
            "c": {"address": 5},
            "d": None,
        },
    }
    read = read_network(json.dumps(network({"roles": ["abuse"], "jscard": card})).encode(), IP)

    assert [one.email for one in read.mailboxes] == ["abuse@bahari.example", "noc@bahari.example"]
    assert emails(network({"roles": ["abuse", "registrant"], "jscard": card | {"name": None}}))
    for wrong in (None, 5, [], {"emails": []}, {"emails": {"a": []}, "name": 5}):
        assert emails(network({"roles": ["abuse"], "jscard": wrong})) == []


def test_no_person_is_named() -> None:
    """Where a person has the network, the desk's own name stands."""
    card = [["kind", {}, "text", "individual"], ["fn", {}, "text", "Jane Doe"]]
    person = {"roles": ["registrant"], "vcardArray": ["vcard", card]}
    desk = entity("abuse@a.example")
    desk["vcardArray"][1].append(["fn", {}, "text", "Desk\u202e\n"])
    (one,) = read_network(json.dumps(network(person, desk)).encode(), IP).mailboxes

    assert one.name == "Desk\\u202e\\u000a"


def test_the_nearest_abuse_desk_comes_first() -> None:
    """A customer's own desk before its provider's."""
    content = network(
        entity("far@b.example", roles=["x"], entities=[entity("abuse@far.example")]),
        entity("abuse@near.example"),
    )

    assert emails(content) == ["abuse@near.example", "abuse@far.example"]


def test_roles_come_before_persons_and_persons_never_without_the_role() -> None:
    """Whoever is only a technical contact did not ask for strangers' letters."""
    assert emails(network(entity("jane.doe@a.example", "abuse@a.example"))) == [
        "abuse@a.example",
        "jane.doe@a.example",
    ]
    others = entity("jane.doe@a.example", "noc@a.example", roles=["technical"])
    assert emails(network(others)) == ["noc@a.example"]
    assert emails(network(entity("abuse@a.example", roles=["billing"]))) == []


def test_what_the_registry_found_dead_is_left_out() -> None:
    """APNIC remarks which mailboxes did not pass its validation."""
    one = entity("abuse@a.example", "irt@a.example")
    one["remarks"] = [{"description": ["Abuse@a.example is invalid"]}]

    assert emails(network(one)) == ["irt@a.example"]


def test_a_registrys_own_block_names_nobody() -> None:
    """The whole internet is no network of anybody's."""
    whole = network(entity("abuse@a.example"), startAddress="0.0.0.0", endAddress="255.255.255.255")

    assert emails(whole) == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b'"ip network"',
        b"[" * 100_000,
        b'{"a":' * 50_000,
        json.dumps({"objectClassName": "entity"}).encode(),
        json.dumps(network(startAddress="198.51.100.0", endAddress="198.51.100.9")).encode(),
        json.dumps(network(startAddress="192.0.2.255", endAddress="192.0.2.0")).encode(),
        json.dumps(network(startAddress="::", endAddress="::ffff")).encode(),
        json.dumps(network(startAddress=None)).encode(),
        json.dumps(network(endAddress=3221225991)).encode(),
        json.dumps({"errorCode": 429, "title": "slow down"}).encode(),
    ],
)
def test_what_is_no_answer_is_said_to_be_none(content: bytes) -> None:
    """Whatever comes, it ends in one line."""
    with pytest.raises(UnreadableError):
        read_network(content, IP)


@pytest.mark.parametrize(
    "email",
    [
        "",
        "abuse",
        "@a.example",
        "abuse@",
        "a b@c.example",
        "abuse@a.example\r\nBcc: x@b.example",
        "abuse@a.example, x@b.example",
        "abuse@[192.0.2.7]\x00",
        "аbuse@a.example",  # noqa: RUF001 - a Cyrillic a
        "abuse@a.example" + "x" * 300,
        "\u202eabuse@a.example",
    ],
)
def test_what_is_no_plain_mailbox_is_left_out(email: str) -> None:
    """Line breaks, lists, look-alikes, hidden characters: none gets near a header."""
    assert emails(network(entity(email, "noc@a.example"))) == ["noc@a.example"]


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        5,
        "x",
        [],
        [None],
        [[]],
        {},
        {"roles": None},
        {"roles": "abuse"},
        {"roles": [None, 1, []]},
        {"roles": ["abuse"], "vcardArray": None},
        {"roles": ["abuse"], "vcardArray": ["vcard"]},
        {"roles": ["abuse"], "vcardArray": ["vcard", {"email": 1}]},
        {"roles": ["abuse"], "vcardArray": ["vcard", [["email"], ["email", {}, "text"], 7, None]]},
        {"roles": ["abuse"], "vcardArray": ["vcard", [["email", None, "text", "a@b.example"]]]},
        {"roles": ["abuse"], "vcardArray": ["vcard", [["email", {}, "text", ["a@b.example"]]]]},
        {"roles": ["abuse"], "entities": "x", "remarks": 5},
        {"roles": ["abuse"], "remarks": [None, {"description": [None, 5]}, {"description": 5}]},
    ],
)
def test_wrong_types_are_passed_over(wrong: Any) -> None:
    """One damaged entity does not hide the others."""
    assert emails(network(wrong, entity("abuse@a.example"))) == ["abuse@a.example"]
    assert emails(network(entity("abuse@a.example"), port43=wrong)) == ["abuse@a.example"]


def test_wrong_parameters_are_passed_over() -> None:
    """A preference may be anything."""
    strange = [
        {"pref": 1},
        {"pref": "x"},
        {"pref": "9" * 400},
        {"type": 5},
        {"type": [None, "abuse"]},
    ]

    assert (
        len(emails(network(entity(*[(f"a{n}@b.example", one) for n, one in enumerate(strange)]))))
        == 5
    )


def test_deep_and_many_are_bounded() -> None:
    """Nesting without end, entities without number, mailboxes without number."""
    deep: dict[str, Any] = entity("abuse@deep.example")
    for _ in range(200):
        deep = {"roles": ["registrant"], "entities": [deep]}
    many = [entity(*[f"abuse{n}-{k}@a.example" for k in range(20)]) for n in range(1000)]

    assert emails(network(deep)) == []
    assert len(emails(network(*many))) == MOST_MAILBOXES
    assert emails(network(*[{}] * 600, entity("abuse@late.example"))) == []


def test_the_same_entity_again_and_again_is_one() -> None:
    """JSON has no loops, but may say the same at every depth."""
    one = entity("abuse@a.example", "ABUSE@A.example")
    one["entities"] = [dict(one)]

    assert [text.lower() for text in emails(network(one, dict(one)))] == ["abuse@a.example"]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from(["abuse", "email", "vcard", "text", "abuse@a.example", "192.0.2.0"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "entities",
                    "roles",
                    "vcardArray",
                    "jscard",
                    "emails",
                    "address",
                    "remarks",
                    "description",
                    "pref",
                    "type",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_any_json_is_read_without_harm(value: Any) -> None:
    """Whatever stands where entities are expected: a few plain mailboxes, or none."""
    for content in (
        network(value),
        network(entities=value),
        network(entity(value, roles=["abuse"])),
    ):
        found = emails(content)
        assert len(found) <= MOST_MAILBOXES
        assert all(text.isascii() and text.isprintable() and " " not in text for text in found)
