"""The DNS records by which our names and addresses agree, for whoever runs the zones."""

import dns.reversename

from survey.model.address import format_ip
from survey.targets.campaign import Campaign


def zone_lines(campaign: Campaign) -> str:
    """Forward and reverse records of the name that we say in EHLO, in zone file format."""
    said = campaign.identity
    addresses = [format_ip(ip) for ip in said.source_addresses]
    width = max(len(said.helo) + 1, *(len(reverse(ip)) for ip in addresses or [""]))
    lines = [f"; {said.operator}: every source address, and back"]
    lines += [f"{said.helo + '.':<{width}} IN A   {address}" for address in addresses]
    lines += [f"{reverse(address):<{width}} IN PTR {said.helo}." for address in addresses]
    lines += [
        "; the name sends no mail but our tests, from these addresses",
        f'{said.helo + ".":<{width}} IN TXT "v=spf1 '
        + "".join(f"ip4:{address} " for address in addresses)
        + '-all"',
    ]
    return "".join(f"{line}\n" for line in lines)


def reverse(address: str) -> str:
    """The name under which an address's own name is looked up."""
    return dns.reversename.from_address(address).to_text() if address else ""
