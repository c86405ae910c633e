"""The forms of envelope that a relay test tries: one row each, in the order in which they go out.

Every recipient names one mailbox: ours, written in some way, or one at the tested server or at a
name that can't exist.  The server's own name stands in an envelope only where it was shown to
resolve to the tested address (law 2).  ``docs/probes/envelopes.md`` is made from here.

The routed forms (V7 to V23 but V9, V10 and V17) have our own sender, where other tools use one at
the tested server: what they route around is the recipient, a bounce comes home to us, and a server
that takes no address literal would refuse the sender before it ever saw the recipient.
"""

from dataclasses import dataclass

from survey.model.address import format_ip
from survey.model.plan import Depth


@dataclass(frozen=True, slots=True)
class Form:
    """One form of envelope; its variant is a published id.

    Attributes:
        variant: Its id.
        connection: In which of a full test's connections it goes out, from 0.
        depth: The least depth at which it is tried.
        sender: Pattern of the envelope sender; names as in ``Parts``.
        recipient: Pattern of the envelope recipient.
        finds: What a server that takes it does, or what a control shows.  Markdown.
    """

    variant: str
    connection: int
    depth: Depth
    sender: str
    recipient: str
    finds: str

    @property
    def own_name(self) -> bool:
        """It names a mailbox at the server's own name, so that must be proven to be its own."""
        return "{name}" in self.sender + self.recipient

    @property
    def control(self) -> bool:
        """It shows what RCPT is worth here; no message ever follows."""
        return self.variant.startswith("C")


MOST_IN_A_CONNECTION = 8
"""Forms.  Postfix slows down after 10 refused recipients and hangs up after 20."""

_HERE, _ALL = Depth.STANDARD, Depth.FULL
_OURS = "{sender}@{domain}"
_TO_US = "{recipient}@{domain}"

FORMS = (
    Form("V1", 0, _HERE, _OURS, _TO_US, "relays for everybody; most open relays do"),
    Form(
        "V3",
        0,
        _HERE,
        "postmaster@{name}",
        _TO_US,
        "trusts senders at its own name (sendmail's `relay_local_from`, a Postfix sender map)",
    ),
    Form("V0", 0, _HERE, "", _TO_US, "waves the null sender of bounces past its checks"),
    Form(
        "C0",
        0,
        _HERE,
        _OURS,
        "postmaster@{name}",
        "control: a closed server takes it, too (RFC 5321 s4.5.1); one that refuses it may refuse "
        "us rather than relaying",
    ),
    Form(
        "V2",
        1,
        _HERE,
        "{sender}@{other}",
        _TO_US,
        "relays only between different domains, or asks the sender's",
    ),
    Form("V5", 1, _HERE, "{sender}@localhost", _TO_US, "trusts senders at `localhost`"),
    Form(
        "V6",
        1,
        _HERE,
        "postmaster",
        _TO_US,
        "appends its own domain to a sender without one, and then trusts it",
    ),
    Form(
        "C1",
        1,
        _HERE,
        _OURS,
        "{recipient}@nxdomain.invalid",
        "control: a domain that can't exist (RFC 6761 s6.4); who takes it takes anything, as "
        "a sink does",
    ),
    Form("V17", 1, _ALL, _OURS, "{domain}!{recipient}", "UUCP path without a domain (RFC 976)"),
    Form(
        "V20",
        1,
        _ALL,
        _OURS,
        "{recipient}@{domain}@",
        "`@` at the end: for its check, an empty domain is its own",
    ),
    Form(
        "V7",
        1,
        _ALL,
        _OURS,
        "{recipient}%{domain}@[{ip}]",
        "percent hack (RFC 1123 s5.2.16) behind its address",
    ),
    Form("V4", 1, _ALL, "postmaster@[{ip}]", _TO_US, "trusts senders at its own address"),
    Form(
        "V8",
        2,
        _ALL,
        _OURS,
        "{recipient}%{domain}@{name}",
        "percent hack behind its name: the mailbox looks local, and is routed on",
    ),
    Form(
        "V14",
        2,
        _ALL,
        _OURS,
        '"{recipient}@{domain}"@{name}',
        "a legal quoted mailbox at its name, whose quotes it strips later",
    ),
    Form(
        "V16",
        2,
        _ALL,
        _OURS,
        "@{name}:{recipient}@{domain}",
        "source route through its name (RFC 821 s3.6), taken for a mailbox there",
    ),
    Form("V19", 2, _ALL, _OURS, "{domain}!{recipient}@{name}", "UUCP path behind its name"),
    Form(
        "V13",
        2,
        _ALL,
        _OURS,
        "{recipient}@{domain}@{name}",
        "two `@`: its check takes the last one, its router the first",
    ),
    Form(
        "V12",
        2,
        _ALL,
        _OURS,
        '"{recipient}@{domain}"@[{ip}]',
        "a quoted mailbox at its address",
    ),
    Form("V18", 2, _ALL, _OURS, "{domain}!{recipient}@[{ip}]", "UUCP path behind its address"),
    Form("V15", 2, _ALL, _OURS, "@[{ip}]:{recipient}@{domain}", "source route through its address"),
    Form(
        "V9",
        3,
        _ALL,
        _OURS,
        '"{recipient}@{domain}"',
        "a quoted mailbox without a domain: for its check a local one, routed once unquoted (old "
        "Domino and sendmail)",
    ),
    Form("V10", 3, _ALL, _OURS, '"{recipient}%{domain}"', "the same with a percent hack inside"),
    Form(
        "V21",
        3,
        _ALL,
        _OURS,
        "{recipient};{domain}@{name}",
        "`;` as a router's own separator",
    ),
    Form(
        "V22",
        3,
        _ALL,
        _OURS,
        "{recipient}:{domain}@{name}",
        "`:` as a router's own separator, mailbox first",
    ),
    Form(
        "V23",
        3,
        _ALL,
        _OURS,
        "{domain}:{recipient}@{name}",
        "`:` as a router's own separator, domain first",
    ),
    Form(
        "V11",
        3,
        _ALL,
        _OURS,
        "{recipient}@{domain}@[{ip}]",
        "two `@`, the last one before its address",
    ),
)
"""All forms.  What servers call bad syntax stands at the end of its connection, at most 4 each, for
Exim hangs up at the fifth such error.  V21 to V23 come late: a closed server may take them for
mailboxes of its own."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the patterns are filled with.

    Attributes:
        sender: Our sender token.
        recipient: Our recipient token.
        domain: A mail domain whose MX is our canary.
        other: Another one.
        ip: The tested address, as a number.
        name: The server's own name, if it was shown to resolve to that address.
    """

    sender: str
    recipient: str
    domain: str
    other: str
    ip: int
    name: bytes | None


@dataclass(frozen=True, slots=True)
class Envelope:
    """One envelope to try, in exact bytes, and the token that names it.

    Attributes:
        variant: Id of its form.
        sender: What stands in MAIL FROM's brackets.
        recipient: What stands in RCPT TO's brackets.
        mailbox: Our mailbox that a message to it should come to, as it is spelled there.
        token: The recipient token; "" for a control, whose arrival would prove nothing.
        tls: Whether it goes out inside TLS.
    """

    variant: str
    sender: bytes
    recipient: bytes
    mailbox: str
    token: str
    tls: bool


def envelope(form: Form, parts: Parts, *, tls: bool) -> Envelope:
    """The envelope of a form; one at the server's own name needs that name."""
    assert parts.name or not form.own_name
    words = {
        "sender": parts.sender,
        "recipient": parts.recipient,
        "domain": parts.domain,
        "other": parts.other,
        "ip": format_ip(parts.ip),
        "name": (parts.name or b"").decode("ascii"),
    }
    return Envelope(
        form.variant,
        form.sender.format_map(words).encode("ascii"),
        form.recipient.format_map(words).encode("ascii"),
        _TO_US.format_map(words),
        "" if form.control else parts.recipient,
        tls,
    )


def connections(depth: Depth, only: tuple[str, ...] | None = None) -> tuple[tuple[Form, ...], ...]:
    """The forms of a test, connection by connection, each in the order in which they go out.

    Args:
        depth: How many forms.
        only: The variants to try, whatever the depth; None for all of the depth.
    """
    wanted = [
        form
        for form in FORMS
        if (form.variant in only if only is not None else depth is _ALL or form.depth is _HERE)
    ]
    groups = sorted({form.connection for form in wanted})
    return tuple(tuple(form for form in wanted if form.connection == group) for group in groups)
