"""One variant of one probe of one target; when its conversation is over, it becomes a row."""

from dataclasses import dataclass

from survey.model.observation import MAX_EVIDENCE, Observation
from survey.model.probe import Probe
from survey.probes.conversation import Talk


@dataclass(frozen=True, slots=True)
class Trial:
    """One variant of one probe of one target; fields as of ``model.observation.Observation``."""

    ip: int
    port: int
    probe: Probe
    variant: str
    canary_port: int
    tls: bool = False

    def observed(self, attempt: int, token: str, talk: Talk) -> Observation:
        """The row of this trial."""
        answer, evidence = talk.answer, talk.evidence
        return Observation(
            ip=self.ip,
            port=self.port,
            probe=self.probe,
            variant=self.variant,
            canary_port=self.canary_port,
            tls=self.tls,
            attempt=attempt,
            started_at=talk.started_at,
            duration=talk.duration,
            step=answer.step,
            failure=answer.failure,
            protocol=answer.protocol,
            refused_at=answer.refused_at,
            code=answer.code,
            reply=answer.reply[:MAX_EVIDENCE],
            token=token,
            nonce=answer.nonce,
            received=evidence.received,
            sent=evidence.sent,
            bytes_in=evidence.bytes_in,
            bytes_out=evidence.bytes_out,
            source=evidence.source,
        )
