"""What every probe of a run shares."""

from collections.abc import Callable
from dataclasses import dataclass, field

from survey.model.plan import Canary, Identity, ProbePlan
from survey.model.probe import Probe
from survey.probes.dialer import Dialer
from survey.probes.messages import Messages
from survey.probes.names import Names
from survey.probes.timeouts import INTERNET, Timeouts
from survey.probes.trial import Trial
from survey.protocols.envelopes import AFTERWARDS
from survey.protocols.token import Claims, TokenKind, make_token, run_tag


@dataclass(frozen=True, slots=True)
class Context:
    """What every probe of a run shares.

    Attributes:
        campaign: Campaign id.
        run: Run id.
        key: The token key.
        identity: Who we say we are.
        canary: The far end, the only one.
        dialer: Opens connections.
        names: Checks a server's own name.
        attempt: 0 for the first try of the run, then counting follow-ups, at most 255.
        canary_healthy: Whether our mailbox would take a message now.
        timeouts: The limits.
        only: The variants to try, in the probe's own order; None is its normal course.
        token_attempt: The attempt whose tokens are used again, so that a greylist sees the same
            sender and recipient; None for this attempt's own.
        messages: How many each host may still get; whoever sends one asks before DATA and spends it
            when it leaves.
        parts: What the plan says of each probe.
    """

    campaign: str
    run: str
    key: bytes
    identity: Identity
    canary: Canary
    dialer: Dialer
    names: Names
    attempt: int
    canary_healthy: Callable[[], bool]
    timeouts: Timeouts = INTERNET
    only: tuple[str, ...] | None = None
    token_attempt: int | None = None
    messages: Messages = field(default_factory=Messages)
    parts: tuple[ProbePlan, ...] = ()

    def part(self, probe: Probe) -> ProbePlan:
        """What the plan says of a probe; no port and its usual depth, if nothing."""
        own = (part for part in self.parts if part.probe is probe)
        return next(own, ProbePlan(probe, ()))

    def wants(self, variant: str) -> bool:
        """Whether this variant is to be tried."""
        return self.only is None or variant in self.only

    @property
    def asks_afterwards(self) -> bool:
        """Whether a control is asked behind a message that was taken; in follow-ups only."""
        return self.only is not None and AFTERWARDS.variant in self.only

    def token(self, trial: Trial, kind: TokenKind) -> str:
        """The token of this run for one trial."""
        return make_token(
            self.key,
            Claims(
                run=run_tag(self.campaign, self.run),
                ip=trial.ip,
                port=trial.port,
                probe=trial.probe,
                variant=trial.variant,
                canary_port=trial.canary_port,
                tls=trial.tls,
                attempt=self.attempt if self.token_attempt is None else self.token_attempt,
                kind=kind,
            ),
        )
