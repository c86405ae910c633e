"""Reading what a registry says of a network over RDAP (RFC 9083); pure, nothing is asked here.

The abuse role is at the network itself (RIPE, APNIC's IRT objects, LACNIC) or inside of the
organisation that has it (ARIN).  AFRINIC has none, mostly: then a role mailbox of its technical or
administrative contact counts, never a person's.  An answer is a stranger's: whatever shape it has,
reading it ends, and gives mailboxes or says why not.
"""

import json
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from survey.enrichment.contacts.roles import is_plain, is_role, rank
from survey.model.address import Range, parse_ip
from survey.model.contact_answer import Mailbox
from survey.model.hostile import show_text

DEEPEST = 6
"""Entities inside of entities that are looked into; ARIN nests two deep."""
MOST_ENTITIES = 500
MOST_MAILBOXES = 5
WIDEST = 1 << 24
"""A network of a /8 or more is a registry's own."""
_LONGEST_NAME = 100
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_INVALID = re.compile(r"(\S{3,254}) is invalid", re.IGNORECASE)
_OTHERS = {"noc", "technical", "administrative", "registrant"}
_NO_PREFERENCE = 101
"""vCard preferences go from 1, the best, to 100 (RFC 6350 s5.3)."""

Json = Any


class UnreadableError(Exception):
    """It is not what was asked for; its text says why, one line."""


@dataclass(frozen=True, slots=True)
class Network:
    """A network as its registry describes it.

    Attributes:
        addresses: First and last.
        mailboxes: Who answers for abuse of it, best first; empty if nobody is named.
    """

    addresses: Range
    mailboxes: tuple[Mailbox, ...]


def read_network(data: bytes, ip: int) -> Network:
    """The network that an answer about an address describes.

    Raises:
        UnreadableError: It describes none, or one without that address.
    """
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"is no JSON ({type(error).__name__})") from error
    if not isinstance(content, dict) or content.get("objectClassName") != "ip network":
        raise UnreadableError("describes no network")
    addresses = _addresses(content)
    if addresses is None or ip not in addresses:
        raise UnreadableError("describes another network than asked for")
    if len(addresses) >= WIDEST:
        return Network(addresses, ())
    entities = list(_entities(content))
    holder = _holder(entities)
    found = [
        (depth, *mailbox)
        for depth, entity in entities
        if "abuse" in _roles(entity)
        for mailbox in _mailboxes(entity, holder)
    ]
    if not found:
        found = [
            (depth, *mailbox)
            for depth, entity in entities
            if not _OTHERS.isdisjoint(_roles(entity))
            for mailbox in _mailboxes(entity, holder)
            if is_role(mailbox[-1].email)
        ]
    found.sort(key=lambda one: one[:-1])
    once = {one[-1].email.lower(): one[-1] for one in reversed(found)}
    best = dict.fromkeys(once[one[-1].email.lower()] for one in found)
    return Network(addresses, tuple(best)[:MOST_MAILBOXES])


def _addresses(content: dict[str, Json]) -> Range | None:
    ends = []
    for key in ("startAddress", "endAddress"):
        text = content.get(key)
        try:
            ends.append(parse_ip(text.partition("/")[0] if isinstance(text, str) else ""))
        except ValueError:
            return None
    return Range(*ends) if ends[0] <= ends[1] else None


def _entities(content: dict[str, Json]) -> Iterator[tuple[int, dict[str, Json]]]:
    """Every entity with its depth, the outer ones first; within our limits."""
    todo = deque([(1, content.get("entities"))])
    seen = 0
    while todo:
        depth, entities = todo.popleft()
        for entity in entities if isinstance(entities, list) else ():
            if not isinstance(entity, dict):
                continue
            seen += 1
            if seen > MOST_ENTITIES:
                return
            yield depth, entity
            if depth < DEEPEST:
                todo.append((depth + 1, entity.get("entities")))


def _roles(entity: dict[str, Json]) -> set[str]:
    roles = entity.get("roles")
    if not isinstance(roles, list):
        return set()
    return {role.lower() for role in roles if isinstance(role, str)}


def _holder(entities: list[tuple[int, dict[str, Json]]]) -> str:
    """Name of the organisation that has the network: the outermost registrant that is no person."""
    for _, entity in entities:
        if "registrant" in _roles(entity):
            said = {kind: text for kind, _, text in reversed(list(_properties(entity)))}
            if said.get("fn") and said.get("kind") != "individual":
                return said["fn"]
    return ""


def _mailboxes(entity: dict[str, Json], holder: str) -> Iterator[tuple[int, int, int, Mailbox]]:
    """The mailboxes of an entity's card (RFC 7095), each after what it is sorted by."""
    invalid = _said_invalid(entity)
    properties = list(_properties(entity))
    name = holder or next((text for kind, _, text in properties if kind == "fn"), "")
    language = next((text for kind, _, text in properties if kind == "lang"), "")
    for kind, parameters, text in properties:
        email = text.strip().removeprefix("mailto:")
        if kind != "email" or not is_plain(email) or email.lower() in invalid:
            continue
        types = parameters.get("type")
        said = {types} if isinstance(types, str) else set()
        said |= {one for one in types if isinstance(one, str)} if isinstance(types, list) else set()
        mailbox = Mailbox(
            email,
            show_text(name, _LONGEST_NAME),
            language if _LANGUAGE.fullmatch(language) else "",
        )
        # RIPE marks the abuse mailbox by its type, APNIC by its preference
        yield int("abuse" not in said), _preference(parameters), rank(email), mailbox


def _said_invalid(entity: dict[str, Json]) -> set[str]:
    """Mailboxes that APNIC found dead, as it remarks at the entity."""
    remarks = entity.get("remarks")
    found = set()
    for remark in remarks if isinstance(remarks, list) else ():
        lines = remark.get("description") if isinstance(remark, dict) else None
        for line in lines if isinstance(lines, list) else ():
            if isinstance(line, str) and (match := _INVALID.fullmatch(line.strip())):
                found.add(match[1].lower())
    return found


def _properties(entity: dict[str, Json]) -> Iterator[tuple[str, dict[str, Json], str]]:
    """Name, parameters and value of each property whose value is text."""
    card = entity.get("vcardArray")
    body = card[1] if isinstance(card, list) and len(card) > 1 else None
    for one in body if isinstance(body, list) else ():
        match one:
            case [str(kind), dict(parameters), str(), str(text), *_]:
                yield kind.lower(), parameters, text
    yield from _new_properties(entity.get("jscard"))


def _new_properties(card: Json) -> Iterator[tuple[str, dict[str, Json], str]]:
    """The same of a card in its new form (RFC 9553), which AFRINIC has announced."""
    match card:
        case {"name": {"full": str(name)}}:
            yield "fn", {}, name
    match card:
        case {"kind": str(kind)}:
            yield "kind", {}, kind
    match card:
        case {"emails": dict(emails)}:
            for one in emails.values():
                match one:
                    case {"address": str(address)}:
                        yield "email", {"pref": str(one.get("pref", ""))}, address


def _preference(parameters: dict[str, Json]) -> int:
    text = parameters.get("pref")
    if isinstance(text, str) and re.fullmatch(r"[0-9]{1,3}", text):
        return int(text)
    return _NO_PREFERENCE
