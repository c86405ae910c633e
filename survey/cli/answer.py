"""What a run did to an address, as text that can be pasted into the answer to a complaint."""

import textwrap
from collections.abc import Iterator
from datetime import datetime

from survey.flows.explain import Explanation, Fate, Revisited
from survey.model.address import format_ip
from survey.model.hostile import show_bytes, show_text
from survey.model.observation import Observation, Step

WIDTH = 92
"""Columns; fits into a mail with room for quoting."""

REPLY, EVIDENCE, LINE = 160, 2048, 200
"""Characters of a stranger's words that are shown."""

_FATES = {
    Fate.NOT_PLANNED: "It is not in the plan of this run, so nothing was sent to it.",
    Fate.PENDING: "Its part of the run was not begun yet, so nothing was sent to it.",
    Fate.KEPT_BACK: "It had opted out before its part of the run began, so nothing was sent to it.",
}

_REACHED = {
    Step.NOTHING: "no connection came about",
    Step.CONNECTED: "it spoke another protocol, or nothing",
    Step.SPOKE: "it answered",
    Step.ACCEPTED: "it accepted what was asked",
    Step.SENT: "it took what we sent",
    Step.ECHOED: "it carried our connection to our own server",
}


def answer(one: Explanation, *, evidence: bool = False) -> str:
    """The whole answer for one run, lines at most WIDTH wide but for what a server said.

    Args:
        one: What was done.
        evidence: Show the first bytes of each conversation, both ways.
    """
    ip = format_ip(one.ip)
    lines = [f"{ip} in the survey {one.campaign!r}, run {one.run}", ""]
    said = one.identity
    who = f"{said.operator}. Purpose: {one.purpose}."
    if one.authority:
        who += f" On the authority of {one.authority}."
    lines += _wrapped(f"{who} Questions and opt-outs: {said.contact}, {said.page}")
    for title, paragraphs in (
        ("What was sent", list(_sent(one))),
        ("What came back", list(_came_back(one, evidence=evidence))),
        ("Later tests", [_later(later) for later in one.revisits]),
        ("Opt-out", list(_opted_out(one))),
        ("Public listings", list(_listed(one))),
    ):
        if paragraphs:
            lines += ["", title]
            for paragraph in paragraphs:
                lines += _wrapped(paragraph, "  ")
    if one.shard is not None:
        lines += ["", *_wrapped(f"Plan {one.plan_hash}, index {one.index:,}, shard {one.shard:,}.")]
    return "\n".join(lines) + "\n"


def _sent(one: Explanation) -> Iterator[str]:
    if one.fate in _FATES:
        yield _FATES[one.fate]
        return
    ports = ", ".join(map(str, one.ports))
    every = f"each of the ports {ports}" if len(one.ports) > 1 else f"port {ports}"
    request = f"One connection request (TCP SYN) to {every}"
    if one.receipt is None:
        begun = " and ".join(_time(handout.at) for handout in one.handouts)
        yield (
            f"{request} may have been sent, and tests where it was accepted: its part of the run "
            f"was begun at {begun} and is not finished."
        )
        return
    if one.fate is Fate.UNCERTAIN:
        request += ", but an opt-out or exclusion came in meanwhile: perhaps not to all of them"
    yield f"{request}, {_between(one.receipt.started_at, one.receipt.finished_at)}{_whence(one)}."
    if one.asked_twice:
        again = ", ".join(map(str, one.asked_twice))
        yield f"A second one to {again}: one target in a thousand gets two, to measure losses."
    if len(one.handouts) > 1:
        begun = ", ".join(_time(handout.at) for handout in one.handouts)
        yield (
            f"Its part of the run was begun {len(one.handouts)} times ({begun}), since machines of "
            "ours broke down; what was sent before that may have been sent again."
        )
    yield (
        f"Test messages, from a mailbox of ours to another of ours: {one.messages or 'none'}."
        " No password was tried, and no third party was involved."
    )


def _whence(one: Explanation) -> str:
    sources = {seen.source for seen in one.observations if seen.source is not None}
    sources |= set(one.identity.source_addresses)
    if not sources:
        return f", from {one.identity.helo}"
    return f", from {' or '.join(map(format_ip, sorted(sources)))} ({one.identity.helo})"


def _came_back(one: Explanation, *, evidence: bool) -> Iterator[str]:
    if one.fate in _FATES or (one.receipt is None and not one.observations):
        return
    for seen in sorted(one.observations, key=lambda each: (each.started_at, each.port)):
        yield _conversation(seen)
        if evidence:
            yield f"we said:  {show_bytes(seen.sent, EVIDENCE)}"
            yield f"it said:  {show_bytes(seen.received, EVIDENCE)}"
    if one.receipt is not None and one.receipt.purged:
        yield "Details of tests in this part of the run have been deleted since, as laid down."
    heard = {seen.port for seen in one.observations}
    silent = [str(port) for port in one.ports if port not in heard]
    if silent:
        yield (
            f"Nothing is kept about port{'s' if silent[1:] else ''} {', '.join(silent)}: no "
            "answer, or a refusal."
        )


def _conversation(seen: Observation) -> str:
    secured = " inside TLS" if seen.tls else ""
    text = (
        f"{_time(seen.started_at)}, port {seen.port}{secured}, test {seen.probe} {seen.variant}: "
        f"{_REACHED[seen.step]}"
    )
    if seen.refused_at:
        text += f", and refused at {seen.refused_at}"
    if seen.code is not None:
        text += f" (code {seen.code})"
    if seen.failure is not None:
        text += f"; ended by: {str(seen.failure).replace('_', ' ')}"
    text += f"; {seen.bytes_out:,} bytes sent, {seen.bytes_in:,} received."
    if seen.reply:
        text += f' Last words: "{show_bytes(seen.reply.rstrip(), REPLY)}"'
    return text


def _later(later: Revisited) -> str:
    what = f"{later.visit.probe} on port {later.visit.port} ({later.visit.reason})"
    if later.receipt is not None:
        return f"{what}: {_between(later.receipt.started_at, later.receipt.finished_at)}."
    begun = " and ".join(_time(one.at) for one in later.handouts)
    return f"{what}: begun at {begun}, not finished." if begun else f"{what}: not begun yet."


def _opted_out(one: Explanation) -> Iterator[str]:
    for entry in one.optouts:
        verified = f" ({show_text(entry.verified, LINE)})" if entry.verified else ""
        yield (
            f"Opted out: received {_time(entry.received_at)}, in our log since "
            f"{_time(entry.added_at)}, by {show_text(entry.by, LINE)}{verified}. Since then "
            "nothing is sent."
        )
    if one.excluded:
        yield "A list of exclusions of this survey has it: nothing is sent now."
    if not (one.optouts or one.excluded):
        yield "It has not opted out."


def _listed(one: Explanation) -> Iterator[str]:
    for listing in one.listings:
        since = f", since {listing.known_since:%Y-%m-%d}" if listing.known_since else ""
        why = f": {show_text(listing.reason, LINE)}" if listing.reason else ""
        yield f"{listing.name}{since}{why}"


def _between(began: datetime, ended: datetime) -> str:
    last = f"{ended:%H:%M:%S}" if ended.date() == began.date() else f"{ended:%Y-%m-%d %H:%M:%S}"
    return f"between {began:%Y-%m-%d %H:%M:%S} and {last} UTC"


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _wrapped(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent + ("  " if indent else ""),
        break_long_words=False,
        break_on_hyphens=False,
    )
