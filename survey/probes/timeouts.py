"""How long a conversation may wait, each limit with its reason."""

from dataclasses import dataclass

from survey.model.plan import Kind, Patience


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Limits in seconds.  A limit per reply can't be stretched by sending it drop by drop.

    Attributes:
        connect: For the answer to our SYN.  Linux repeats it after 1 s; so 0.9 s is one packet.
        greeting: For the 220.  RFC 5321 s4.5.3.2.1 allows 5 min; servers that make strangers wait
            (greet pauses, address lists) take up to 20 s.
        command: For the reply to EHLO, MAIL, RCPT, RSET and DATA.  RFC 5321 s4.5.3.2.2-4 allow
            2 to 5 min; a server that looks up names or slows down after refusals takes up to 20 s.
        message: For the reply to the end of the message.  RFC 5321 s4.5.3.2.6 allows 10 min;
            content filters take up to 30 s.
        goodbye: For the 221; we are done already, it is a courtesy.
        relay: For one connection of a relay test: the slowest honest server that we know of needs
            90 s.
        reply: For one reply of a proxy and, after its grant, of our canary.  A proxy takes a few
            seconds to connect; one that needs longer can't be used to send mail.
        tunnel: For one whole conversation through a proxy.
    """

    connect: float
    greeting: float
    command: float
    message: float
    goodbye: float
    relay: float
    reply: float
    tunnel: float


INTERNET = Timeouts(
    connect=0.9,
    greeting=30.0,
    command=30.0,
    message=60.0,
    goodbye=5.0,
    relay=180.0,
    reply=15.0,
    tunnel=45.0,
)
LAB = Timeouts(
    connect=0.9,
    greeting=2.0,
    command=4.0,
    message=5.0,
    goodbye=0.5,
    relay=15.0,
    reply=1.5,
    tunnel=4.0,
)
"""Everything is on one machine: what does not come at once is held back on purpose."""


def timeouts_of(kind: Kind, patience: Patience | None) -> Timeouts:
    """The limits of a run: as its campaign says, else as its kind needs."""
    usual = Patience.LAB if kind is Kind.LAB else Patience.INTERNET
    return LAB if (patience or usual) is Patience.LAB else INTERNET
