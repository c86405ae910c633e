# ruff: noqa: INP001 - a script, run by its path
"""Make the pages of ``docs/`` that show tables of the code: schemas, rules, fingerprints."""

import ast
import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa

from survey.analysis.dictionary import COMPUTED, MEANINGS
from survey.analysis.fingerprint import Fingerprint
from survey.analysis.fingerprints import NAMED, WAYS
from survey.analysis.rules import RELAY_RULES, TUNNEL_RULES, Rule
from survey.closing.instructions import Closing, closings
from survey.model.address import parse_ip
from survey.model.holdings import HOLDINGS
from survey.model.plan import Depth
from survey.model.retention import Retention
from survey.model.software import PRODUCTS
from survey.protocols.envelopes import AFTERWARDS, Form, Parts, connections, envelope
from survey.storage.schemas import TABLES

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
QUERIES = ROOT / "survey" / "analysis" / "sql"
MADE_BY = "<!-- made by infra/generated-docs/regenerate.py -->"


def data_dictionary() -> str:
    """Every table with its grain and fields."""
    parts = [
        f"""# Data dictionary

{MADE_BY}

Every table is Parquet with the schema below; the meaning of each field is also in the files
themselves (`metadata["doc"]`). Times are microseconds UTC. An `ip` is an IPv4 number
([decision 0001](decisions/0001-ipv4-numbers.md)); in a notebook `ip_text(ip)` gives the dotted
text. Bytes marked *hostile* came from strangers and are escaped wherever they are shown.
"""
    ]
    for name, schema in TABLES.items():
        grain = (schema.metadata or {})[b"grain"].decode()
        parts.append(f"## {name}\n\nGrain: {grain}.\n")
        parts.append(_table(("field", "type", "meaning"), map(_field, schema)))
    return "\n".join(parts)


def questions() -> str:
    """Every computed table that a query can name, and the files that answer a question."""
    parts = [
        f"""# Questions

{MADE_BY}

Tables that are computed when a query names them, in `survey sql` and in `s.sql(...)` alike; how to
use them is in [analysis](analysis.md), what the figures mean in [exposure](exposure.md). Tables as
they lie on disk are in the [data dictionary](data-dictionary.md). In a notebook `s.columns("...")`
shows the same.
"""
    ]
    for name, (grain, columns) in COMPUTED.items():
        if "_by_" not in name:
            parts.append(f"## {name}\n\nGrain: {grain}.\n")
            parts.append(_table(("column", "meaning"), _meant(columns)))
    parts.append("## Exposure and changes\n")
    rows = ((f"`{name}`", grain) for name, (grain, _) in COMPUTED.items() if "_by_" in name)
    parts.append(_table(("table", "grain"), rows))
    parts.append(
        """Programs have no addresses, only countries have people, and only `*_by_network` and
`*_by_country_and_network` have the name `network`. All else is in every one of them:
"""
    )
    tables = (columns for name, (_, columns) in COMPUTED.items() if "_by_" in name)
    named = set(itertools.chain.from_iterable(tables))
    parts.append(
        _table(("column", "meaning"), _meant(column for column in MEANINGS if column in named))
    )
    parts.append(
        """## Files

One question per file, in `survey/analysis/sql`. Values are bound, never written into the text.
"""
    )
    parts.append(_table(("file", "question", "grain", "bound"), _question_files()))
    return "\n".join(parts)


def _meant(columns: Iterable[str]) -> Iterable[tuple[str, str]]:
    return ((f"`{column}`", MEANINGS[column]) for column in columns)


def _question_files() -> Iterable[tuple[str, ...]]:
    """Those whose answers an analyst gets: file, question, grain, bound values."""
    for path in sorted(QUERIES.glob("*.sql")):
        lines = itertools.takewhile(
            lambda line: line.startswith("--"), path.read_text(encoding="utf-8").splitlines()
        )
        head = " ".join(line[2:].strip() for line in lines)
        said = re.match(
            r"(?P<question>.*?) Grain: (?P<grain>.*?)\.? Reads: .*?Used by: "
            r"(?P<users>.*?\.(?= |$))(?: Bound: (?P<bound>.*?)(?:\. |\.?$))?",
            head,
        )
        if said and re.search(r"notebook\.py|exposure\.py|any query", said["users"] + head):
            yield f"`{path.name}`", said["question"], said["grain"].strip(" ."), said["bound"] or ""


def rules() -> str:
    """Both rule tables, in the order in which they are tried."""
    return f"""# Rules

{MADE_BY}

Every verdict names the rule that decided, by an id that is published here and never reused.

One observation (one variant of one probe) meets the rules of its table in this order, and the
first that applies decides. A target has several observations; the one that got highest on the
[ladder](architecture.md#proof) decides, and on one rung the one whose rule stands first. So a doubt
that may hide an open server (blocked, greylisted, the far end failed) outweighs a refusal, and a
refusal outweighs a silence. Controls (variants `C0` to `C2`) never decide. A later attempt replaces
an earlier one, but never a proof.

Nothing is *open* that our own canary has not confirmed. The conditions are in
`survey/analysis/rules.py`; why they are as they are, in
[decision 0050](decisions/0050-verdicts-are-rules.md).

## Mail relays

{_rule_table(RELAY_RULES)}
## Proxies

{_rule_table(TUNNEL_RULES)}
## Flags

What to know beside a verdict (column `flags` of the findings); none changes a verdict. A server
that took C2 is no less open for it ([decision 0144](decisions/0144-mail-for-nobody.md)).

{_table(("flag", "meaning"), _flags())}"""


def _flags() -> Iterable[tuple[str, str]]:
    """Each flag and the sentence below it in the code."""
    source = ast.parse((ROOT / "survey" / "model" / "flag.py").read_text(encoding="utf-8"))
    (flags,) = (part for part in source.body if isinstance(part, ast.ClassDef))
    for name, said in itertools.pairwise(flags.body):
        if isinstance(name, ast.Assign) and isinstance(said, ast.Expr):
            flag, meaning = ast.literal_eval(name.value), ast.literal_eval(said.value)
            yield f"`{flag}`", " ".join(meaning.split())


def fingerprints() -> str:
    """The table of fingerprints, in the order in which it is tried."""
    products = sorted(PRODUCTS.values(), key=lambda one: (one.trade, one.name.lower()))
    names = ((f"`{one.id}`", one.name, one.trade) for one in products)
    return f"""# Fingerprints

{MADE_BY}

A finding says which program answered (`software`), which version it says it is
(`software_version`), whether it named itself (`software_named`), and which row below decided
(`software_sign`). All that was heard on one port counts together, whichever probe heard it. Where
nothing fits, all four are empty.

The rows are tried in this order, the first that fits decides: programs that name themselves, then
programs that are known by their ways. Patterns are RE2's, upper and lower case alike, and read only
the evidence that is kept (512 bytes of each conversation). A word of our own canary behind a
granted tunnel, or a page that was fetched through a proxy, is never taken for the server's.

**What a server says of itself may be forged.** It decides no verdict; it chooses which closing
steps are offered. A letter names the program only if it named itself.

| place | what is read there |
| --- | --- |
| `greeting` | the first reply, all its lines, where a code of three digits begins it |
| `ehlo` | what a mail server said after that |
| `refusal` | a mail server's refusals |
| `server`, `agent`, `via` | the HTTP fields Server, Proxy-Agent and Via |
| `head`, `page` | status line and fields of an HTTP reply; what follows them in a refusal |
| `socks4`, `socks4a`, `socks5` | all that was heard after such a request, in hex |
| `first` | the first bytes of anything else |

## Programs that name themselves

{_fingerprint_table(NAMED)}
## Programs known by their ways

{_fingerprint_table(WAYS)}
## Programs

{_table(("id", "program", "what it is for"), names)}"""


def _fingerprint_table(rows: Sequence[Fingerprint]) -> str:
    return _table(
        ("row", "place and pattern", "why"),
        (
            (
                f"`{row.id}`",
                "<br>".join(f"{sign.place}: {_code(sign.pattern)}" for sign in row.signs),
                row.comment.replace("|", "\\|"),
            )
            for row in rows
        ),
    )


def _code(pattern: str) -> str:
    """A pattern inside a table's cell, where a bar would end it."""
    return "`" + pattern.replace("|", "\\|") + "`"


def _field(field: pa.Field) -> tuple[str, str, str]:
    meaning = (field.metadata or {})[b"doc"].decode()
    kind = str(field.type) + (", or null" if field.nullable else "")
    return f"`{field.name}`", kind, meaning


def _rule_table(table: Sequence[Rule]) -> str:
    rows = ((f"`{rule.id}`", rule.verdict, rule.rung.name, rule.comment) for rule in table)
    return _table(("rule", "verdict", "rung", "why"), rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def envelopes() -> str:
    """Every form of envelope, connection by connection."""
    parts = [
        f"""# Envelopes of the relay test

{MADE_BY}

Every envelope that [`smtp_relay`](smtp_relay.md) tries, in the order in which they go out, from
`survey/protocols/envelopes.py`. A connection that is not in the campaign's depth is not made, and a
form that is not is left out.

In the examples `S` and `R` are tokens of 56 letters and digits, `canary.example` and `canary.test`
are the mail domains of our canary, `mail.example.com` (*H*) is the tested server's own name and
`192.0.2.7` its address. Forms with *H* go out only if *H* was shown to resolve to that address.
Every recipient is one mailbox: ours, spelled in some way, or one at the tested server, or, for the
control C1, one that can't exist, and for C2 none. Controls never decide and never get a message.

The routed forms have our own sender, where other tools use one at the tested server: what they
route around is the recipient, their bounces come home to us, and a server that takes no address
literal would refuse the sender before it saw the recipient.
"""
    ]
    for number, group in enumerate(connections(Depth.FULL), 1):
        depth = min(form.depth is Depth.FULL for form in group)
        parts.append(f"## Connection {number}{' (full depth only)' if depth else ''}\n")
        head = ("form", "depth", "`MAIL FROM:`", "`RCPT TO:`", "needs", "finds servers that")
        parts.append(_table(head, map(_envelope, group)))
    parts.append("## Behind a message (follow-ups only)\n")
    parts.append(_table(head, [_envelope(AFTERWARDS)]))
    return "\n".join(parts)


def _envelope(form: Form) -> tuple[str, ...]:
    example = Parts("S", "R", "canary.example", "canary.test", parse_ip("192.0.2.7"), _EXAMPLE)
    made = envelope(form, example, tls=False)
    needs = "H" if form.own_name else ""
    paths = (f"`<{path.decode('ascii')}>`" for path in (made.sender, made.recipient))
    depth = "follow-up" if form is AFTERWARDS else form.depth
    return form.variant, depth, *paths, needs, form.finds


_EXAMPLE = b"mail.example.com"


def closing() -> str:
    """Every program's instructions, as data."""
    parts = [
        f"""# Closing instructions

{MADE_BY}

How each program is closed: one file of data each in `survey/closing/software`, read by
`survey/closing/instructions.py`. Letters put sentences of the reader's language around them
(`survey/notify/letters/closing/<language>/program.txt`), if the server named its program itself;
everybody else gets the general steps for the kind of server. `192.0.2` stands for the reader's own
addresses.

**Proven** ones are carried out by `tests/servers/test_closing.py`: it starts the open server,
surveys it, changes exactly these lines, starts it again, and the survey must find it closed
(Privoxy hangs up on strangers without a word, which from outside is no proof: unknown).

To add one, write `<id>.toml` with an id of the [programs](fingerprints.md#programs) and, where the
tests can run it, a row in that test.
"""
    ]
    for one in closings().values():
        name = PRODUCTS[one.software].name if one.software in PRODUCTS else "Router or other device"
        parts.append(f"## {name}{' (proven)' if one.proven else ''}\n")
        parts.append(_table(("", ""), [row for row in _closing_rows(one) if row[1]]))
    return "\n".join(parts)


def _closing_rows(one: Closing) -> Iterable[tuple[str, str]]:
    yield "closes", ", ".join(f"`{probe}`" for probe in one.closes)
    yield "file", f"`{one.file}`" if one.file else ""
    yield "lines that go", _cell(one.remove)
    yield "lines in their place", _cell(one.write.splitlines())
    yield "commands", _cell(line for text in one.run for line in text.splitlines())
    yield "menu", _cell(one.choose)
    yield "put into force", _cell([one.reload])
    yield "check", _cell(one.check.splitlines())
    yield "shows", _cell([one.expect])
    yield "vendor", "<br>".join(one.links)


def _cell(lines: Iterable[str]) -> str:
    """Lines of code in one cell; a backtick inside takes two around."""
    marked = (f"`` {line} ``" if "`" in line else _code(line) for line in lines if line)
    return "<br>".join(marked)


def retention() -> str:
    """What is kept, why, for how long, and what an erasure does to it."""
    head = ("what", "files", "kept for", "period", "counted from", "an erasure")
    rows = (
        (
            one.name,
            f"`{one.files}`",
            one.purpose,
            f"`{one.period}`" if one.period else "",
            one.counted_from,
            one.erasure,
        )
        for one in HOLDINGS
    )
    days = (f"{name} {days}" for name, days in asdict(Retention()).items())
    return f"""# Retention

{MADE_BY}

Every file of a data directory is of one of the kinds below. Each kind that can name a host or a
person has a purpose and a period, in days, from the campaign's `[retention]`
([campaign.md](campaign.md)). Where a campaign states nothing, they are: {", ".join(days)}.

```
survey purge                       say what would go, table by table; touches nothing
survey purge --yes                 do it; from a timer, once a day
survey purge CAMPAIGN.toml --yes   by what the file says now
survey purge --erase PREFIX        forget these addresses as well
survey optout add PREFIX --by WHO --erase
```

A campaign's periods are written down when it is planned, in `campaigns/<campaign>/retention.json`;
naming its file to `survey purge --yes` writes them down anew. What all campaigns share (arrivals,
contacts, listings, reports, mail, audit) is kept as long as the longest of them says. Of a campaign
that never said how long, nothing goes, and nothing of what is shared; that is said.

## What goes, and what stays

- First what strangers said: the bytes in observations, arrivals and findings. From then on the run
  can't be judged again; its verdicts stay as they were judged, and `survey findings` says so.
- Then the rows. A shard's file stays with its receipt: what was planned, sent, kept back and seen
  stays counted as it was, `purged` says how many of `observations` are not kept any more, and
  `evidence` whether those that are have their bytes.
- When the verdicts go, their counts by country, network, program and verdict stay
  (`counts.parquet`).
- Nothing is half written: each file is replaced whole, or lines of a log that others may have open
  are blanked where they are. Kill it anywhere, run it again. Readers that have a file open go on.
- What a running scan works on is left, said, and exit code 3 asks to run it again; so are other
  people's events that name an erased address in the log of a canary that is running.
- Each purge leaves an audit line: how many rows, for which reason; no address.

## Erasing

Who opts out may ask that what is kept about them goes, too: `survey optout add --erase`. The wish
stands in the opt-out log, which is outside of the data directory and keeps the prefix, for else it
could not be honoured. It is carried out at once in this data directory, and with each `survey
purge --yes` wherever a plan names that log, so that late mail and shards that were under way go,
too.

Rows about the address go. In the rows of others it becomes nothing (`exit_ip`, `peer`) or asterisks
(text): in every form that people write, with `.`, `-` or `_`, forwards and backwards, as
hexadecimal or decimal number, in one of our tokens, and as four bytes in a SOCKS reply. A mail
or letter that names it goes as a whole. So does a report whose lists name it, with its pages, which
count it
([decision 0219](decisions/0219-a-report-that-counts-an-erased-address-goes.md)); the weekly job
makes it again if it is of one of the last three periods, `survey report` at any time. What an
agency or an operator was already sent is not here any more.

An opt-out without that wish leaves the reports on the disk as they are: what an agency was given.
One that names the address is not handed over any more ([delivery](delivery.md)); whichever is made
again is made without it.

Two things stay: the plan, whose ranges every count rests on and which names an address only where
it is the edge of a range (`survey purge` says which plans,
[decision 0220](decisions/0220-a-plan-keeps-the-edges-of-its-ranges.md)), and country, network,
registration and organisation snapshots, which are public registries of ranges.

## Every kind of file

{_table(head, rows)}"""


PAGES = {
    "retention.md": retention,
    "closing.md": closing,
    "probes/envelopes.md": envelopes,
    "data-dictionary.md": data_dictionary,
    "questions.md": questions,
    "rules.md": rules,
    "fingerprints.md": fingerprints,
}


def main() -> None:
    """Write every page."""
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
