"""The forms of envelope that a relay test tries: one row each, in the order in which they go out.

Every recipient names one mailbox: ours, written in some way, or one at the tested server or at a
name that can't exist; the control behind a message names none.  The server's own name stands in an
envelope only where it was shown to resolve to the tested address (law 2).
``docs/probes/envelopes.md`` is made from here.

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
        finds: It finds servers that ...; Markdown.
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
    Form("V1", 0, _HERE, _OURS, _TO_US, "relay for everybody, as most open relays do"),
    Form(
        "V3",
        0,
        _HERE,
        "postmaster@{name}",
        _TO_US,
        "trust senders at their own name (sendmail's `relay_local_from`, a Postfix sender map)",
    ),
    Form("V0", 0, _HERE, "", _TO_US, "wave the null sender of bounces past their checks"),
    Form(
        "C0",
        0,
        _HERE,
        _OURS,
        "postmaster@{name}",
        "(control) take mail for themselves from us, as every server must (RFC 5321 s4.5.1); one "
        "that refuses it may refuse us rather than relaying",
    ),
    Form(
        "V2",
        1,
        _HERE,
        "{sender}@{other}",
        _TO_US,
        "relay only between different domains, or doubt a sender at the recipient's",
    ),
    Form("V5", 1, _HERE, "{sender}@localhost", _TO_US, "trust senders at `localhost`"),
    Form(
        "V6",
        1,
        _HERE,
        "postmaster",
        _TO_US,
        "append their own domain to a sender without one, and then trust it",
    ),
    Form(
        "C1",
        1,
        _HERE,
        _OURS,
        "{recipient}@nxdomain.invalid",
        "(control) take anything, as a sink does: the domain can't exist (RFC 6761 s6.4)",
    ),
    Form(
        "V17",
        1,
        _ALL,
        _OURS,
        "{domain}!{recipient}",
        "read a UUCP path (RFC 976), after a check that sees no domain in it",
    ),
    Form(
        "V20",
        1,
        _ALL,
        _OURS,
        "{recipient}@{domain}@",
        "take an empty domain for their own, and then drop it",
    ),
    Form(
        "V7",
        1,
        _ALL,
        _OURS,
        "{recipient}%{domain}@[{ip}]",
        "route on what is left of a percent sign (RFC 1123 s5.2.16), at their address",
    ),
    Form("V4", 1, _ALL, "postmaster@[{ip}]", _TO_US, "trust senders at their own address"),
    Form(
        "V8",
        2,
        _ALL,
        _OURS,
        "{recipient}%{domain}@{name}",
        "take it for a mailbox of their own, and route on what is left of the percent sign",
    ),
    Form(
        "V14",
        2,
        _ALL,
        _OURS,
        '"{recipient}@{domain}"@{name}',
        "strip the quotes of a mailbox of their own, and route on what was in them",
    ),
    Form(
        "V16",
        2,
        _ALL,
        _OURS,
        "@{name}:{recipient}@{domain}",
        "follow a source route (RFC 821 s3.6) that begins with their name",
    ),
    Form(
        "V19",
        2,
        _ALL,
        _OURS,
        "{domain}!{recipient}@{name}",
        "read a UUCP path in a mailbox of their own",
    ),
    Form(
        "V13",
        2,
        _ALL,
        _OURS,
        "{recipient}@{domain}@{name}",
        "check the last of two `@`, and route by the first",
    ),
    Form(
        "V12",
        2,
        _ALL,
        _OURS,
        '"{recipient}@{domain}"@[{ip}]',
        "strip quotes at their address",
    ),
    Form("V18", 2, _ALL, _OURS, "{domain}!{recipient}@[{ip}]", "read a UUCP path at their address"),
    Form(
        "V15",
        2,
        _ALL,
        _OURS,
        "@[{ip}]:{recipient}@{domain}",
        "follow a source route that begins with their address",
    ),
    Form(
        "V9",
        3,
        _ALL,
        _OURS,
        '"{recipient}@{domain}"',
        "take a quoted mailbox without a domain for their own, and route it once it is unquoted "
        "(old Domino and sendmail)",
    ),
    Form("V10", 3, _ALL, _OURS, '"{recipient}%{domain}"', "do the same with a percent sign"),
    Form(
        "V21",
        3,
        _ALL,
        _OURS,
        "{recipient};{domain}@{name}",
        "route by a `;` of their own",
    ),
    Form(
        "V22",
        3,
        _ALL,
        _OURS,
        "{recipient}:{domain}@{name}",
        "route by a `:` of their own, mailbox first",
    ),
    Form(
        "V23",
        3,
        _ALL,
        _OURS,
        "{domain}:{recipient}@{name}",
        "route by a `:` of their own, domain first",
    ),
    Form(
        "V11",
        3,
        _ALL,
        _OURS,
        "{recipient}@{domain}@[{ip}]",
        "check the last of two `@`, their address, and route by the first",
    ),
)
"""All forms.  What servers call bad syntax stands at the end of its connection, at most 4 each, for
Exim hangs up at the fifth such error.  V21 to V23 come late: a closed server may take them for
mailboxes of its own."""


AFTERWARDS = Form(
    "C2",
    0,
    _HERE,
    _OURS,
    "",
    "(control) take mail for nobody, as what takes everything does: no mail server that delivers "
    "has a mailbox without a name (RFC 5321 s4.1.1.3), but qmail",
)
"""The control that a follow-up asks behind a message that was taken, in the same connection.

It is in no test's normal course: a server that took a message is left alone then."""


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
