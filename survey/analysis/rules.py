"""The rules that judge: published ids, first match wins, rendered to SQL.

A rule looks at one observation together with what arrived at the canary for its token, so at the
columns of ``Observation`` and these:

- ``letter``: a complete message for its recipient token arrived (its body held its own HMAC)
- ``letter_torn``: a message for its recipient token arrived, and none was complete
- ``tunnel``: token and nonce are equal in the observation and in an arrival in a tunnel
- ``forwarded``: its token arrived in a tunnel, whatever the nonce
- ``reproduced``: two proofs of the target, each with its own token and arrival, by different
  attempts in different processes, far enough apart, from different source addresses where the
  campaign has several, the later by the newest attempt; for variant ``mail``, both are of mail
- ``words``: the last reply in lower case, every byte that is not printable ASCII as a blank, and
  without the mailboxes in it
- ``names_us``: they hold the address that we came from
- ``like_control``: a plain form's (V0 to V6) refusal of a recipient in the same words as the one of
  the server's own postmaster (C0) in the same test
- ``head``: the peer's first bytes likewise, for a CONNECT that was granted

A target has several observations: its variants.  The one that got highest on the ladder decides; on
one rung, the one whose rule stands first in its table.  So doubts that may hide an open server
(blocked, greylisted, the far end failed) stand above refusals, and silences below them.  Controls
(C0 to C2) never decide.

An id is never reused: a new meaning gets a new id.  ``docs/rules.md`` is made from here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from survey.model.probe import Probe
from survey.model.verdict import Rung, Verdict

# A host name may hold the word, so it must stand alone.
_RELAY = r"(^|[^a-z0-9.@_-])relay(ing|ed|s)?([^a-z0-9.@_-]|[.]( |$)|$)"
_BLOCKED = (
    r"\b(blocked|block ?list(ed)?|black ?list(ed)?|deny ?list(ed)?|listed (in|at|on|by)|dnsbl|rbl|"
    r"spamhaus|spamcop|sorbs|barracuda|banned|reputation|reverse dns|rdns|ptr record|"
    r"helo command rejected|client host rejected|cannot find your (reverse )?hostname|"
    r"dynamic (ip|address|pool)|dial-?up|[psx]bl|your[^.]{0,40} open (relay|proxy))\b"
)
# also postscreen's deep checks, which every new client fails once
_GREYLISTED = (
    r"gr[ae]y-?list|try (it |this |your [a-z]+ )?(again|later)|again later|come back|\bretry\b|"
    r"4\.2\.0 |service currently unavailable"
)
_TLS_FIRST = (
    r"(^|[^a-z0-9.@_-])starttls([^a-z0-9.@_-]|[.]( |$)|$)|\btls (is )?required\b|\buse tls\b"
)
_AUTHENTICATE = (
    r"\bauth[a-z]* (is )?(required|needed|first)\b|"
    r"\b(must|please|need to|have to) (first )?(auth|log ?in)|"
    r"\bnot (been )?(authenticated|logged in)\b|\b5\.7\.57\b"
)
_SENDER = (
    r"\bsender (address |domain |verif[a-z]* )?(rejected|refused|denied|failed|not|must|does)|"
    r"\bspf\b|\bdmarc\b|\b5\.1\.8\b|\b5\.7\.(23|26|27)\b"
)
_ASKED = "refused_at IN ('CONNECT', 'GET', 'POST')"
_PAGE = r"content-length: *[1-9]|transfer-encoding:|<html|<!doctype"


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the judgement.

    Attributes:
        id: Published id, ``<kind>.<situation>``; never reused.
        condition: SQL over the columns above.
        verdict: What is said then.
        rung: How far up the ladder the observation got.
        comment: Why, one or two sentences for a reader who knows no SQL.
    """

    id: str
    condition: str
    verdict: Verdict
    rung: Rung
    comment: str


RELAY_RULES = (
    Rule(
        "relay.reproduced",
        "letter AND reproduced",
        Verdict.OPEN,
        Rung.R7,
        "Two complete messages came through it, each to a mailbox of its own, at different times "
        "and from different processes, and the newest test is one of them. Only such a finding may "
        "lead to a letter.",
    ),
    Rule(
        "relay.message_arrived",
        "letter",
        Verdict.OPEN,
        Rung.R6,
        "Our own mailbox received the complete message, addressed to the mailbox that only this "
        "conversation knew. Nothing else proves a relay.",
    ),
    Rule(
        "relay.message_torn",
        "letter_torn",
        Verdict.SUSPECTED,
        Rung.R4,
        "A message came to this conversation's mailbox, but not whole: cut off, rewritten, or "
        "somebody else's.",
    ),
    Rule(
        "relay.message_taken",
        "step = 'sent'",
        Verdict.SUSPECTED,
        Rung.R4,
        "It took the message with a 2xx, and nothing has arrived. It may deliver late, bounce, or "
        "be a sink that accepts everything.",
    ),
    Rule(
        "relay.denied_at_data",
        "step = 'accepted' AND refused_at IN ('DATA', 'MESSAGE') AND code >= 500 "
        f"AND regexp_matches(words, '{_RELAY}')",
        Verdict.CLOSED,
        Rung.R2,
        "It accepted the recipient, and then refused the message because it does not relay.",
    ),
    Rule(
        "relay.recipient_accepted",
        "step = 'accepted'",
        Verdict.SUSPECTED,
        Rung.R3,
        "It accepted a stranger's recipient, and the message was not sent or not taken. Many "
        "closed servers do that and bounce later, so it is no proof.",
    ),
    Rule(
        "relay.blocked",
        f"code >= 400 AND (regexp_matches(words, '{_BLOCKED}') "
        f"OR names_us AND NOT regexp_matches(words, '{_RELAY}'))",
        Verdict.UNKNOWN,
        Rung.R2,
        "It refused us, not every stranger: a blocklist, our name or our address is the reason it "
        "gives. What it does for others is not known.",
    ),
    Rule(
        "relay.tls_failed",
        "step = 'spoke' AND (refused_at = 'STARTTLS' OR failure = 'handshake')",
        Verdict.UNKNOWN,
        Rung.R2,
        "It wants encryption first, and no TLS came about: it refused, or speaks no form of it "
        "that we speak.",
    ),
    Rule(
        "relay.tls_first",
        f"code >= 400 AND regexp_matches(words, '{_TLS_FIRST}')",
        Verdict.UNKNOWN,
        Rung.R2,
        "It wants encryption first. That is no refusal to relay.",
    ),
    Rule(
        "relay.greylisted",
        f"code BETWEEN 400 AND 499 AND code <> 421 AND regexp_matches(words, '{_GREYLISTED}')",
        Verdict.UNKNOWN,
        Rung.R2,
        "It asks to come back later (greylisting); the answer then may be another.",
    ),
    Rule(
        "relay.no_mail_here",
        "code IN (521, 556)",
        Verdict.CLOSED,
        Rung.R2,
        "It says that it never accepts mail (RFC 7504).",
    ),
    Rule(
        "relay.auth_required",
        "refused_at IS NOT NULL AND (code IN (530, 534, 535, 538) "
        f"OR code >= 400 AND regexp_matches(words, '{_AUTHENTICATE}'))",
        Verdict.CLOSED,
        Rung.R2,
        "It serves only those who have authenticated (RFC 4954 s6).",
    ),
    Rule(
        "relay.refuses_everything",
        f"like_control AND code >= 500 AND NOT regexp_matches(words, '{_RELAY}')",
        Verdict.UNKNOWN,
        Rung.R2,
        "It refused the stranger's recipient in the very words in which it refused its own "
        "postmaster, whom every server must take (RFC 5321 s4.5.1): it may be us that it refuses.",
    ),
    Rule(
        "relay.denied_softly",
        "code BETWEEN 400 AND 499 AND refused_at IN ('MAIL', 'RCPT') "
        f"AND regexp_matches(words, '{_RELAY}')",
        Verdict.CLOSED,
        Rung.R2,
        "It refused to relay with a temporary code; a stock Postfix says `454 4.7.1 Relay access "
        "denied`, and would say it for ever.",
    ),
    Rule(
        "relay.denied",
        "code >= 500 AND code <> 503 AND ("
        f"refused_at = 'RCPT' AND NOT regexp_matches(words, '{_SENDER}') "
        f"OR refused_at IN ('MAIL', 'RCPT') AND regexp_matches(words, '{_RELAY}'))",
        Verdict.CLOSED,
        Rung.R2,
        "It refused a stranger's recipient for good.",
    ),
    Rule(
        "relay.sender_refused",
        "code >= 500 AND code <> 503 AND refused_at IN ('MAIL', 'RCPT')",
        Verdict.UNKNOWN,
        Rung.R2,
        "It refused this sender, so it never had to decide on relaying.",
    ),
    Rule(
        "relay.greeting_refused",
        "refused_at = 'GREETING'",
        Verdict.UNKNOWN,
        Rung.R2,
        "It refused at the greeting, perhaps only us.",
    ),
    Rule(
        "relay.later",
        "code BETWEEN 400 AND 499",
        Verdict.UNKNOWN,
        Rung.R2,
        "A temporary refusal, or it is busy (421).",
    ),
    Rule(
        "relay.other_refusal",
        "refused_at IS NOT NULL",
        Verdict.UNKNOWN,
        Rung.R2,
        "It refused a command in a way that says nothing about relaying.",
    ),
    Rule(
        "relay.broke_off",
        "step = 'spoke'",
        Verdict.UNKNOWN,
        Rung.R2,
        "It spoke SMTP, and the conversation ended before it decided.",
    ),
    Rule(
        "relay.no_tls",
        "failure = 'handshake'",
        Verdict.UNKNOWN,
        Rung.R1,
        "No TLS came about on a port that begins with it.",
    ),
    Rule(
        "relay.in_the_clear",
        "failure = 'wrong_protocol' AND protocol = 'smtp'",
        Verdict.UNKNOWN,
        Rung.R1,
        "It speaks SMTP in the clear on a port that was tested inside TLS.",
    ),
    Rule(
        "relay.tls",
        "protocol = 'tls'",
        Verdict.UNKNOWN,
        Rung.R1,
        "It speaks TLS from the first byte; what is inside was not asked.",
    ),
    Rule(
        "relay.other_protocol",
        "failure = 'wrong_protocol'",
        Verdict.CLOSED,
        Rung.R1,
        "It speaks another protocol, so it relays no mail on this port.",
    ),
    Rule(
        "relay.no_word",
        "step = 'connected'",
        Verdict.UNKNOWN,
        Rung.R1,
        "It accepted the connection and said no word of SMTP.",
    ),
    Rule(
        "relay.nothing_listens",
        "failure = 'refused'",
        Verdict.CLOSED,
        Rung.R0,
        "The connection was refused: nothing listens there.",
    ),
    Rule(
        "relay.no_contact",
        "TRUE",
        Verdict.UNKNOWN,
        Rung.R0,
        "Silence; it may be down, filtered, or gone.",
    ),
)

TUNNEL_RULES = (
    Rule(
        "tunnel.mail_reproduced",
        "tunnel AND variant = 'mail' AND reproduced",
        Verdict.OPEN,
        Rung.R7,
        "Two tunnels to our mail server went through it, each with a token and nonce of its own, "
        "at different times and from different processes: a stranger can send mail through it, "
        "again and again.",
    ),
    Rule(
        "tunnel.reproduced",
        "tunnel AND reproduced",
        Verdict.OPEN,
        Rung.R7,
        "Two tunnels to our echo or web host went through it, each with a token and nonce of its "
        "own, at different times and from different processes.",
    ),
    Rule(
        "tunnel.mail_proven",
        "tunnel AND variant = 'mail'",
        Verdict.OPEN,
        Rung.R6,
        "Our mail server heard the token through it, and the nonce that it made came back: a "
        "stranger can send mail through it.",
    ),
    Rule(
        "tunnel.proven",
        "tunnel",
        Verdict.OPEN,
        Rung.R5,
        "Our echo or web host heard the token through it, and the nonce that it made came back: it "
        "carries strangers' traffic both ways.",
    ),
    Rule(
        "tunnel.nonce_unmatched",
        "step = 'echoed'",
        Verdict.SUSPECTED,
        Rung.R4,
        "Something like a nonce came back, and our canary never gave it to this token.",
    ),
    Rule(
        "tunnel.mail_posted_one_way",
        "forwarded AND probe = 'http_post' AND variant = 'mail'",
        Verdict.SUSPECTED,
        Rung.R4,
        "What we posted reached our mail server through it, and the nonce did not come back: a "
        "stranger may be able to send mail through it blindly.",
    ),
    Rule(
        "tunnel.posted_one_way",
        "forwarded AND probe = 'http_post'",
        Verdict.SUSPECTED,
        Rung.R4,
        "What we posted reached our canary through it, and our canary's nonce did not come back: "
        "it delivers strangers' words and hides the answer.",
    ),
    Rule(
        "tunnel.token_forwarded",
        "forwarded",
        Verdict.SUSPECTED,
        Rung.R4,
        "Our canary heard the token, and its nonce did not come back: it forwards one way at "
        "least.",
    ),
    Rule(
        "tunnel.token_sent",
        "step = 'sent'",
        Verdict.SUSPECTED,
        Rung.R4,
        "It granted the tunnel, something greeted us through it and took our token, and our canary "
        "saw nothing.",
    ),
    Rule(
        "tunnel.page",
        f"probe = 'http_connect' AND step = 'accepted' AND regexp_matches(head, '{_PAGE}')",
        Verdict.CLOSED,
        Rung.R2,
        "It said 200 and sent a page: a web server that says yes to everything, and no tunnel.",
    ),
    Rule(
        "tunnel.granted",
        "step = 'accepted'",
        Verdict.SUSPECTED,
        Rung.R3,
        "It granted the tunnel, and no word of our canary came through. An acceptance alone is no "
        "proof.",
    ),
    Rule(
        "tunnel.far_end_failed",
        f"{_ASKED} AND (starts_with(probe, 'http_') AND code IN (500, 502, 503, 504) "
        "OR probe = 'socks5' AND code IN (1, 3, 4, 5, 6))",
        Verdict.UNKNOWN,
        Rung.R2,
        "It tried to reach our canary, or says so, and failed. It may serve strangers at another "
        "moment.",
    ),
    Rule(
        "tunnel.identd_wanted",
        "probe IN ('socks4', 'socks4a') AND code IN (92, 93)",
        Verdict.UNKNOWN,
        Rung.R2,
        "It wants an identd at the asking host; we run none, others may.",
    ),
    Rule(
        "tunnel.auth_required",
        "refused_at IN ('METHOD', 'LOGIN') OR starts_with(probe, 'http_') AND code IN (401, 407)",
        Verdict.CLOSED,
        Rung.R2,
        "It serves only those who have authenticated.",
    ),
    Rule(
        "tunnel.denied",
        f"{_ASKED} AND (starts_with(probe, 'http_') AND code IN (403, 451) "
        "OR probe = 'socks5' AND code = 2)",
        Verdict.CLOSED,
        Rung.R2,
        "Its rules refuse a stranger's tunnel.",
    ),
    Rule(
        "tunnel.rejected",
        "refused_at = 'CONNECT' AND probe IN ('socks4', 'socks4a') AND code = 91",
        Verdict.CLOSED,
        Rung.R2,
        "SOCKS4 says rejected or failed with one code; our canary was well, so we take it for a "
        "refusal.",
    ),
    Rule(
        "tunnel.not_a_proxy",
        f"{_ASKED} AND (starts_with(probe, 'http_') "
        "AND (code BETWEEN 300 AND 399 OR code IN (400, 404, 405, 410, 421, 501)) "
        "OR probe = 'socks5' AND code = 7)",
        Verdict.CLOSED,
        Rung.R2,
        "It does not know the method, or sends us elsewhere: a server that makes no tunnels.",
    ),
    Rule(
        "tunnel.other_refusal",
        "refused_at IS NOT NULL",
        Verdict.UNKNOWN,
        Rung.R2,
        "It refused for a reason that may pass.",
    ),
    Rule(
        "tunnel.another_answer",
        "probe IN ('http_get', 'http_post') AND step = 'spoke' AND code BETWEEN 200 AND 299 "
        "AND failure = 'garbage'",
        Verdict.CLOSED,
        Rung.R2,
        "It answered with something of its own, and our canary saw nothing: a web server, a "
        "portal or a cache, and no proxy.",
    ),
    Rule(
        "tunnel.broke_off",
        "step = 'spoke'",
        Verdict.UNKNOWN,
        Rung.R2,
        "It spoke the protocol, and the conversation ended before it decided.",
    ),
    Rule(
        "tunnel.tls",
        "protocol = 'tls' AND starts_with(probe, 'http_')",
        Verdict.UNKNOWN,
        Rung.R1,
        "It speaks TLS, and no word was said inside: a proxy may be there.",
    ),
    Rule(
        "tunnel.other_protocol",
        "failure = 'wrong_protocol'",
        Verdict.CLOSED,
        Rung.R1,
        "It speaks another protocol, so it is no proxy of this kind.",
    ),
    Rule(
        "tunnel.no_word",
        "step = 'connected'",
        Verdict.UNKNOWN,
        Rung.R1,
        "It accepted the connection and said no word of the protocol.",
    ),
    Rule(
        "tunnel.nothing_listens",
        "failure = 'refused'",
        Verdict.CLOSED,
        Rung.R0,
        "The connection was refused: nothing listens there.",
    ),
    Rule(
        "tunnel.no_contact",
        "TRUE",
        Verdict.UNKNOWN,
        Rung.R0,
        "Silence; it may be down, filtered, or gone.",
    ),
)

RANKED = tuple(sorted((*RELAY_RULES, *TUNNEL_RULES), key=lambda rule: -rule.rung))
"""All rules, strongest first: by rung, then as they stand in their table."""


def rank(rule: Rule) -> int:
    """Its place in ``RANKED``: of several observations of a target, the lowest decides."""
    return RANKED.index(rule)


def rules_for(probe: Probe) -> tuple[Rule, ...]:
    """The table that judges a probe."""
    return RELAY_RULES if probe.is_relay else TUNNEL_RULES


def render(rules: Sequence[Rule]) -> str:
    """The table as one SQL CASE whose value is the rank of the first rule that applies."""
    lines = [f"WHEN {rule.condition} THEN {rank(rule)}" for rule in rules]
    return "CASE " + "\n".join(lines) + " END"
