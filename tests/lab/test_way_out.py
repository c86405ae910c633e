"""The lab reaches its canary, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from survey.lab.way_out import WayOut
from survey.model.address import format_ip, parse_ip
from survey.model.plan import Endpoint

if TYPE_CHECKING:
    from tests.lab.conftest import FarEnd


def test_only_the_canarys_two_endpoints_are_known(far_end: FarEnd) -> None:
    """By address or by the name of a canary domain, on their own ports; refusals are counted."""
    out = WayOut(far_end.canary, set())
    smtp, echo = far_end.canary.smtp, far_end.canary.echo
    ip = format_ip(smtp.ip).encode()

    assert out.endpoint(ip, smtp.port) == smtp
    assert out.endpoint(ip, echo.port) == echo
    assert out.endpoint(b"Canary.Test", echo.port) == echo
    assert out.refused == 0
    for host, port in (
        (ip, 1),
        (b"127.0.0.1", smtp.port),
        (b"example.com", smtp.port),
        (b"mx.canary.example", smtp.port),
        (b"\xff", smtp.port),
        (b"", smtp.port),
    ):
        assert out.endpoint(host, port) is None
    assert out.refused == 6


async def test_it_can_be_made_to_dial_nothing_else(far_end: FarEnd) -> None:
    """Not even by a mistake of ours."""
    out = WayOut(far_end.canary, set())

    with pytest.raises(AssertionError):
        await out.connect(parse_ip("127.0.0.1"), Endpoint(parse_ip("127.0.0.1"), 22))


def test_only_mailboxes_in_the_canarys_domains_are_ours(far_end: FarEnd) -> None:
    """Case does not matter, parts of names do."""
    out = WayOut(far_end.canary, set())

    assert out.is_ours(b"x@CANARY.example")
    assert not out.is_ours(b"x@notcanary.example")
    assert not out.is_ours(b"x@canary.example.net")
    assert not out.is_ours(b"x")
    assert not out.is_ours(b"")
