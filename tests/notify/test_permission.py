"""Only what was reproduced, and lately, may be told to an operator."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from made_notice import make_server

from survey.errors import MessageError
from survey.model.probe import Probe
from survey.model.verdict import Rung
from survey.notify.permission import check_sendable, obstacle

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
READY = replace(
    make_server(Probe.SMTP_RELAY, Rung.R7),
    rule="relay.reproduced",
    proven_at=NOW - timedelta(hours=72),
)


def test_a_fresh_reproduction_may_be_told() -> None:
    """Up to 72 hours after the last proof."""
    assert obstacle(READY, NOW) == ""
    check_sendable(READY, NOW)


@pytest.mark.parametrize("rung", [Rung.R5, Rung.R6])
def test_a_single_proof_is_not_told(rung: Rung) -> None:
    """However good it is; the cure is named."""
    with pytest.raises(MessageError, match="survey retest --due"):
        check_sendable(replace(READY, rung=rung), NOW)


@pytest.mark.parametrize("proven_at", [NOW - timedelta(hours=72, seconds=1), None])
def test_an_old_proof_is_not_told(proven_at: datetime | None) -> None:
    """The address may be another's by now."""
    with pytest.raises(MessageError, match="survey retest"):
        check_sendable(replace(READY, proven_at=proven_at), NOW)


@pytest.mark.parametrize(
    ("rung", "rule", "mail"),
    [
        (Rung.R5, "tunnel.proven", False),
        (Rung.R6, "tunnel.mail_proven", True),
        (Rung.R7, "tunnel.reproduced", False),
        (Rung.R7, "tunnel.mail_reproduced", True),
        (Rung.R7, "relay.reproduced", True),
    ],
)
def test_a_reproduced_proxy_is_not_said_to_carry_mail_without_proof(
    rung: Rung,
    rule: str,
    mail: bool,  # noqa: FBT001 - a column
) -> None:
    """The highest rung does not say which proof was reproduced."""
    assert replace(READY, rung=rung, rule=rule).mail_proven == mail
