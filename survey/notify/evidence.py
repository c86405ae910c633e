"""A server's own words for its operator to recognise: few lines, bounded, harmless (law 9)."""

import ipaddress

from survey.notify.strangers import show_line

MAX_LINES = 3
"""Lines of each of greeting and reply."""
MAX_COLUMNS = 66
"""So that a quoted line stays inside a letter's 72 columns."""


def evidence_lines(greeting: bytes, reply: bytes) -> tuple[str, ...]:
    """Greeting, then the deciding reply if it is another; three lines of each at most."""
    said = [greeting] if greeting.startswith(reply.rstrip()) else [greeting, reply]
    return tuple(
        show_line(line.rstrip(b"\r"), MAX_COLUMNS)
        for words in said
        for line in words.split(b"\n")[:MAX_LINES]
        if line.strip()
    )


def exit_text(exit_ip: bytes | None, ip: int) -> str:
    """Text of the exit address (16 bytes); "" if it is unknown or the tested address itself."""
    if exit_ip is None:
        return ""
    address = ipaddress.IPv6Address(exit_ip)
    if address.ipv4_mapped == ipaddress.IPv4Address(ip):
        return ""
    return str(address.ipv4_mapped or address)
