"""Every way a conversation can end without an answer; a fact of the network, never an exception."""

from enum import StrEnum


class Failure(StrEnum):
    """Why a conversation ended early, kept in the row beside what was seen until then."""

    REFUSED = "refused"
    """The connection was answered with a reset (nothing listens)."""
    CONNECT_TIMEOUT = "connect_timeout"
    """Nothing answered our SYN in time."""
    UNREACHABLE = "unreachable"
    """A router or the kernel said that host or network can't be reached."""
    RESET = "reset"
    """The peer reset an established connection."""
    CLOSED = "closed"
    """The peer closed before its answer was complete."""
    STALLED = "stalled"
    """One reply did not come, or did not get complete, within its own deadline."""
    DEADLINE = "deadline"
    """The whole conversation ran out of its time (drip, tarpit)."""
    TOO_MUCH = "too_much"
    """The peer sent more bytes, or made us send more packets, than a conversation may take."""
    GARBAGE = "garbage"
    """The peer's bytes fit no protocol that we know."""
    WRONG_PROTOCOL = "wrong_protocol"
    """The peer speaks another protocol that we know; ``protocol`` names it."""
    HANDSHAKE = "handshake"
    """No TLS: the peer speaks none there, or no form of it that we speak."""
    ABORTED = "aborted"
    """We broke off: an opt-out, a stop or a lost lease came, or no message may follow."""
