"""Every figure of a report on a history whose truth is known is that truth."""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from made_checks import Check, Run, Walked, walk
from made_truth import Holder, Part, Territory, parts

from survey.flows.due import due_reports
from survey.flows.history import HistoryFiles, make_history
from survey.flows.lifecycle import trace
from survey.flows.report import make_report
from survey.flows.runs import all_runs
from survey.flows.weekly import report_what_is_due
from survey.lab.history.scale import Scale
from survey.storage.layout import Layout
from survey.storage.manifest import read_manifest
from survey.storage.told import NAME
from survey.targets.optouts import read_log
from survey.targets.ranges import RangeSet

pytestmark = pytest.mark.timeout(300)

SCALE = Scale(
    seed="history",
    weeks=14,
    servers=300,
    crowd=60,
    ranges=150,
    networks=40,
    missed=(5,),
    torn=(),
    narrow=(),
    letters_from=2,
    letters=25,
    natural_days=60.0,
    opting_out=0.03,
)
AGENCY = "es-ejemplar"
SUNDAY = datetime(2026, 2, 1, 15, 30, tzinfo=UTC)
"""Half past midnight on Monday in Tokyo; in Madrid and Cairo it is Sunday still."""
COUNTRY = "ES"


@dataclass(frozen=True)
class Truth:
    """What is true of the agency's country."""

    runs: list[Run]
    names: list[str]
    looks: dict[tuple[int, int, str], list[Check]]
    episodes: dict[tuple[int, int, str], list[Walked]]
    gone: RangeSet


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> HistoryFiles:
    """A history, judged and traced."""
    made = make_history(tmp_path_factory.mktemp("truth") / "history", SCALE)
    for path in made.settings.agencies.glob("*.toml"):
        if path.stem not in {AGENCY, "jp-kakuu", "eg-khayali"}:
            path.unlink()
    trace(made.settings, "history")
    return made


@pytest.fixture(scope="module")
def truth(made: HistoryFiles) -> Truth:
    """Looks and episodes in the agency's country, without who opted out; by a walk in Python."""
    plans, layout = all_runs(made.settings), Layout(made.settings.data)
    ends = [read_manifest(layout.run(plan.campaign, plan.run)).ended_at for plan in plans]
    runs = [Run(number, end) for number, end in enumerate(ends)]
    numbers = {plan.run: number for number, plan in enumerate(plans)}
    gone = read_log(Path(plans[-1].optouts)).ranges
    territory = Territory(made.truth)
    looks = defaultdict(list)
    for row in pq.read_table(made.truth / "looks.parquet").to_pylist():
        if row["ip"] not in gone and territory.holder(row["ip"]).country == COUNTRY:
            looks[row["ip"], row["port"], row["kind"]].append(
                Check(numbers[row["run"]], row["at"], row["state"], round=row["round"])
            )
    episodes = {key: walked for key, some in looks.items() if (walked := walk(some, runs))}
    return Truth(runs, [plan.run for plan in plans], dict(looks), episodes, gone)


def _open_in(truth: Truth, number: int) -> tuple[int, int, int]:
    """Servers, relays and proxies that some look of a run found open."""
    found = {
        (ip, kind)
        for (ip, _, kind), looks in truth.looks.items()
        if any(look.number == number and look.state == "open" for look in looks)
    }
    kinds = Counter(kind for _, kind in found)
    return len({ip for ip, _ in found}), kinds["relay"], kinds["proxy"]


def _flow(truth: Truth, since: datetime, until: datetime) -> dict[str, int]:
    """The balance, by counting episodes one by one."""
    counts = dict.fromkeys(("before", "new", "regressed", "fixed", "lost", "now", "persistent"), 0)
    for one in (one for some in truth.episodes.values() for one in some):
        ended = one.confirmed_at or one.lost_at
        counts["before"] += one.opened_at <= since and (ended is None or ended > since)
        counts["now"] += one.opened_at <= until and (ended is None or ended > until)
        counts["persistent"] += one.opened_at <= since and (ended is None or ended > until)
        if since < one.opened_at <= until:
            counts[one.opened_as] += 1
        if ended is not None and since < ended <= until:
            counts["fixed" if one.confirmed_at else "lost"] += 1
    return counts


class _Text(HTMLParser):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self.words: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


def _report(made: HistoryFiles, period: str) -> str:
    return _Text(make_report(made.settings, AGENCY, period, language="en").page).text


def test_headline_and_change_are_true(made: HistoryFiles, truth: Truth) -> None:
    """Servers, relays and proxies of each of the last runs, and against the run before."""
    for number in (len(truth.runs) - 1, len(truth.runs) - 4):
        now, before = _open_in(truth, number), _open_in(truth, number - 1)
        text = _report(made, truth.names[number])
        assert now[0] > 10, "the history must have what it tests"
        assert f"Spain: {now[0]} servers are open to strangers" in text
        for count, past, label in zip(
            now, before, ("open servers", "open mail relays", "open proxies"), strict=True
        ):
            sign = "+" if count > past else "−"
            change = (
                "as many as the last time"
                if count == past
                else f"{sign}{abs(count - past)} against the last time ({past})"
            )
            assert f"{label} {count} {change}" in text


def test_line_of_twelve_months_is_true(made: HistoryFiles, truth: Truth) -> None:
    """First, last and greatest of all runs; the line has a point for each."""
    every = [_open_in(truth, number) for number in range(len(truth.runs))]
    counts = [one[0] for one in every]
    page = make_report(made.settings, AGENCY, truth.names[-1], language="en").page
    html = page.read_text(encoding="utf-8")
    said = re.search(
        r"Line of open servers per run: (\d+) on [^;]*, (\d+) on [^;]*; most: (\d+)", html
    )
    assert said is not None
    assert tuple(map(int, said.groups())) == (counts[0], counts[-1], max(counts))
    unit = None
    for place, kind in enumerate(("all", "relay", "proxy")):
        line = re.search(rf'class="line {kind}" points="([^"]*)"', html)
        assert line is not None
        heights = [float(pair.split(",")[1]) for pair in line[1].split()]
        wanted = [one[place] for one in every]
        assert len(heights) == len(wanted)
        if unit is None:  # pixels per server, the same for all lines
            top, low = wanted.index(max(wanted)), wanted.index(min(wanted))
            unit = (heights[low] - heights[top]) / (wanted[top] - wanted[low])
            floor = heights[0] + wanted[0] * unit
        for height, count in zip(heights, wanted, strict=True):
            assert abs((floor - height) - count * unit) < 0.3


def test_balance_is_true(made: HistoryFiles, truth: Truth) -> None:
    """New, open again, closed, lost, still open: each as counted one by one; and they add up."""
    seen = Counter()
    for number in range(4, len(truth.runs)):
        since, until = truth.runs[number - 1].ended_at, truth.runs[number].ended_at
        assert since is not None
        assert until is not None
        flow = _flow(truth, since, until)
        seen.update(flow)
        came = flow["new"] + flow["regressed"]
        assert flow["now"] == flow["before"] + came - flow["fixed"] - flow["lost"]
        text = _report(made, truth.names[number])
        for words in (
            f"Open the last time {flow['before']} ",
            f"New proven for the first time {_signed(flow['new'])} ",
            f"a closure did not last 90 days {_signed(flow['regressed'])} ",
            f"refused on two different days {_signed(-flow['fixed'])} ",
            f"so nobody knows {_signed(-flow['lost'])} ",
            f"of these open already the last time: {flow['persistent']} {flow['now']} ",
        ):
            assert words in text, (truth.names[number], words)
    assert min(seen[name] for name in ("new", "fixed", "persistent")) >= 3


def _signed(value: int) -> str:
    return "0" if value == 0 else f"{'+' if value > 0 else '−'}{abs(value)}"


def test_networks_that_moved_are_true(made: HistoryFiles, truth: Truth) -> None:
    """Their changes are the change of the whole."""
    text = _report(made, truth.names[-1])
    part = text.split("Networks that got better or worse")[1].split("How long until")[0]
    changes = [int(change.replace("−", "-")) for change in re.findall(r" \d+ \d+ ([+−]\d+)", part)]
    now, before = _open_in(truth, len(truth.runs) - 1)[0], _open_in(truth, len(truth.runs) - 2)[0]
    assert sum(changes) == now - before
    assert len(changes) < 10, "else some are not named, and the sum is not whole"


def _part_of(made: HistoryFiles, truth: Truth, inside, by) -> dict[object, Part]:  # noqa: ANN001 - functions
    return parts(made.truth, all_runs(made.settings)[-1], truth.gone, inside, by)


def _ours(holder: Holder) -> bool:
    return holder.country == COUNTRY


def _whole(made: HistoryFiles, truth: Truth, inside=_ours) -> Part:  # noqa: ANN001 - a function
    return _part_of(made, truth, inside, lambda _: "")[""]


def _wilson(hits: int, total: int) -> tuple[float, float]:
    """The interval as its paper has it: the two roots of a quadratic equation."""
    z2 = 1.959964**2
    a, b, c = total + z2, -(2 * hits + z2), hits * hits / total
    root = math.sqrt(max(0.0, b * b - 4 * a * c))
    return (-b - root) / (2 * a), (-b + root) / (2 * a)


def test_network_table_is_true(made: HistoryFiles, truth: Truth) -> None:
    """Counts, rate and interval of each network, of the quiet ones, of the whole; the front."""
    by_network = _part_of(made, truth, _ours, lambda one: (one.network, one.asn))
    text = _report(made, truth.names[-1])
    table = text.split("Network by network")[1].split("How this was measured")[0]
    table = table.split(" 95 % interval ")[-1]
    said = re.findall(
        r"(?:(\S[^\d–]*?) AS(\d+)|(\d+) networks? with nothing open or suspected|(Your \w+))"
        r"((?: [\d,]+){6}) ([\d.]+) ([\d.]+) – ([\d.]+)",
        table,
    )
    busy = {key: part.counts for key, part in by_network.items() if part.counts[0]}
    quiet = [part.counts for part in by_network.values() if not part.counts[0]]
    whole = _whole(made, truth).counts
    wanted = [
        (name, str(asn), "", "", counts)
        for (name, asn), counts in sorted(
            busy.items(), key=lambda one: (-one[1][0], -one[1][4], one[0][1])
        )
    ]
    wanted.append(("", "", str(len(quiet)), "", tuple(map(sum, zip(*quiet, strict=True)))))
    wanted.append(("", "", "", "Your jurisdiction", whole))
    shown = [
        (
            *(part.strip() for part in row[:4]),
            tuple(int(n.replace(",", "")) for n in row[4].split()),
        )
        for row in said
    ]
    assert shown == wanted
    for row, (*_, counts) in zip(said, wanted, strict=True):
        low, high = _wilson(counts[0], counts[5])
        for told, true in zip(row[5:], (counts[0] / counts[5], low, high), strict=True):
            assert abs(float(told) - 1000 * true) <= 0.0051
    assert len(busy) >= 3, "the history must have what it tests"
    assert f"{whole[5]:,} addresses in your jurisdiction were tested" in text
    held, few = 0, 0
    for *_, counts in wanted[: len(busy)]:
        few += 2 * held < whole[0]
        held += counts[0]
    if few * 2 <= len(busy):
        assert f"with open servers: {len(busy)}; at least half of the servers are in {few}" in text


def test_bars_of_networks_are_true(made: HistoryFiles, truth: Truth) -> None:
    """Beside each name its open servers."""
    by_network = _part_of(made, truth, _ours, lambda one: (one.network, one.asn))
    section = _report(made, truth.names[-1]).split("Where they are")[1].split("What they are")[0]
    for (name, asn), part in by_network.items():
        if part.counts[0]:
            assert f"{name} AS{asn} {part.counts[0]} " in section


def test_programs_are_true(made: HistoryFiles, truth: Truth) -> None:
    """What open servers said they are, the most frequent first; the rest is not recognised."""
    opened = [one for one in _whole(made, truth).services if one.open]
    names = {one: one.title() for one in ("postfix", "exim", "sendmail", "squid")}
    names[""] = "not recognised"
    mix = Counter(names[one.software] for one in opened)
    section = _report(made, truth.names[-1]).split("Which programs they run")[1]
    said = re.findall(
        r"(Postfix|Exim|Sendmail|Squid|not recognised) (\d+)",
        section.split("What we ask of you")[0],
    )
    assert {name: int(count) for name, count in said} == dict(mix)
    assert [int(count) for _, count in said] == sorted(mix.values(), reverse=True)
    assert len(mix) >= 3, "the history must have what it tests"


def test_tests_and_ladder_are_true(made: HistoryFiles, truth: Truth) -> None:
    """Per test: open servers and who spoke; per rung: how many tests ended there."""
    found = _whole(made, truth).services
    text = _report(made, truth.names[-1])
    bars = text.split("What they are")[1].split("What became of them")[0]
    spoke = text.split("Spoke with")[1].split("Coverage of the run")[0]
    for name, probe, ports in (
        ("Mail relay (SMTP)", "smtp_relay", "25"),
        ("HTTP proxy (CONNECT)", "http_connect", "3128, 8080"),
        ("SOCKS 4 proxy", "socks4", "4145"),
        ("SOCKS 5 proxy", "socks5", "1080"),
    ):

        def servers(least: int, probe: str = probe) -> int:
            return len({one.ip for one in found if one.probe == probe and one.rung >= least})

        assert f"{name} {servers(5)} " in bars
        assert f"{name} {ports} {servers(2)} " in spoke
    rungs = Counter(one.rung for one in found)
    ladder = text.split("What counts as open")[1].split("What these figures")[0]
    said = {
        int(n): int(count)
        for n, count in re.findall(r" R([1-7]) \D[^R]*? (\d+)(?= R\d| $)", ladder)
    }
    assert said == {rung: rungs[rung] for rung in range(1, 8)}
    assert min(rungs[2], rungs[7]) >= 10, "the history must have what it tests"


LANDS = ("ES", "MX", "BR", "FR", "DE")


def test_countries_and_their_shades_are_true(made: HistoryFiles, truth: Truth) -> None:
    """Open servers, tested addresses and rate of each; the darkest on the map is the worst."""
    path = made.settings.agencies / f"{AGENCY}.toml"
    text = path.read_text(encoding="utf-8")
    joint = text.replace('countries = ["ES"]', f"countries = {list(LANDS)}").replace("'", '"')
    assert joint != text
    (made.settings.agencies / "xx-joint.toml").write_text(
        joint.replace(f'id = "{AGENCY}"', 'id = "xx-joint"'), encoding="utf-8"
    )
    try:
        page = make_report(made.settings, "xx-joint", truth.names[-1], language="en").page
    finally:
        (made.settings.agencies / "xx-joint.toml").unlink()
    lands = _part_of(made, truth, lambda one: one.country in LANDS, lambda one: one.country)
    order = sorted(lands, key=lambda code: (-lands[code].counts[0], -lands[code].tested, code))
    names = dict(zip(LANDS, ("Spain", "Mexico", "Brazil", "France", "Germany"), strict=True))
    said = re.findall(rf"({'|'.join(names.values())}) ([\d,]+) ([\d,]+) ([\d.]+)", _Text(page).text)
    assert [(name, int(a.replace(",", "")), int(b.replace(",", ""))) for name, a, b, _ in said] == [
        (names[code], lands[code].counts[0], lands[code].tested) for code in order
    ]
    shares = [lands[code].counts[0] / lands[code].tested for code in order]
    for (*_, rate), share in zip(said, shares, strict=True):
        assert abs(float(rate) - 1000 * share) <= 0.0051
    shades = re.findall(r'class="own own-(\d)"', page.read_text(encoding="utf-8"))
    assert list(map(int, shades)) == [math.ceil(4 * share / max(shares)) for share in shares]
    assert len(set(shades)) >= 3, "the history must have what it tests"


def test_coverage_is_true(made: HistoryFiles, truth: Truth) -> None:
    """What became of the targets, in the run that opt-outs changed most; it adds up."""
    did = {row["run"]: row for row in pq.read_table(made.truth / "runs.parquet").to_pylist()}
    row = did[truth.names[-1]]
    plan = all_runs(made.settings)[-1]
    assert row["planned"] == plan.addresses * len(plan.ports)
    assert row["opted_out"] == truth.gone.size * len(plan.ports) > 0
    scan = pq.read_table(made.truth / "answers" / f"{plan.run}.parquet").to_pylist()
    accepted = {(one["ip"], one["port"]) for one in scan
                if one["round"] == 0 and one["came_to"] != "nothing"}  # fmt: skip
    assert row["accepted"] == len(accepted)
    assert row["planned"] == row["sent"] + row["opted_out"]
    assert row["sent"] == row["accepted"] + row["refused"] + row["silent"]
    text = _report(made, truth.names[-1])
    part = text.split("Coverage of the run")[1].split("What counts as open")[0]
    for label, name in (
        ("Planned", "planned"),
        ("Tested", "sent"),
        ("Left out at the holder’s wish", "opted_out"),
        ("Accepted the connection", "accepted"),
        ("Refused it", "refused"),
        ("Did not answer", "silent"),
    ):
        assert f" {label} {row[name]:,} " in part
    assert " Excluded 0 " in part
    assert " Unreachable 0 " in part
    said = re.search(
        r"misses: ([\d,]+) pairs\. Open then: (\d+)\. Of those, not open at first: (\d+)\.", part
    )
    assert said is not None
    again = tuple(int(count.replace(",", "")) for count in said.groups())
    assert again == (row["rechecked"], row["reopened"], row["missed"])
    assert row["rechecked"] == row["planned"] // 1000  # of nobody who opted out, here
    if row["reopened"]:
        share = row["missed"] / row["reopened"]
        ends = " – ".join(f"{100 * end:.1f}%" for end in _wilson(row["missed"], row["reopened"]))
        assert f"about {100 * share:.1f}% of the open ports (95 % interval: {ends})" in part


def test_time_to_closure_is_true(made: HistoryFiles, truth: Truth) -> None:
    """Exposures, closed ones and shares of those told and of those held out; Kaplan-Meier."""
    letters = [
        row
        for row in pq.read_table(made.truth / "letters.parquet").to_pylist()
        if (row["ip"], row["port"], row["kind"]) in truth.episodes
    ]
    text = _report(made, truth.names[-1])
    for label, name in (("told", "Operators told"), ("held_out", "Not told")):
        lives = list(_lives(truth, (row for row in letters if row["label"] == label)))
        fixed = sum(closed for _, closed in lives)
        shares = [_closed_by(days, lives) for days in (7, 14, 30, 90)]
        said = " ".join("–" if share is None else f"{round(share * 100)}%" for share in shares)
        found = re.search(
            rf" {name} (\d+) (\d+) ([\d.–]+(?: – [\d.]+)?) ((?:\d+%|–)(?: (?:\d+%|–)){{3}})", text
        )
        assert found is not None, text[text.index("How long until") :][:900]
        assert (int(found[1]), int(found[2])) == (len(lives), fixed)
        assert found[4] == said
        assert fixed >= 3


def test_whether_letters_helped_is_true(made: HistoryFiles, truth: Truth) -> None:
    """Cases drawn, letters delivered and come back, cases compared: as counted one by one."""
    told = Layout(made.settings.data).campaign("history") / NAME
    mine = {row["case"]: row for row in pq.read_table(told).to_pylist() if row["agency"] == AGENCY}
    compared = defaultdict(bool)
    for row in pq.read_table(made.truth / "letters.parquet").to_pylist():
        if row["case"] in mine:
            compared[row["case"]] |= any(_lives(truth, [row]))
    text = _report(made, truth.names[-1])
    for label, name in (("told", "Told at once"), ("held_out", "Told later")):
        cases = [row for row in mine.values() if row["label"] == label]
        came_back = sum(bool(row["bounced"]) for row in cases)
        sent = sum(row["sent_at"] is not None for row in cases)
        there = sum(compared[row["case"]] for row in cases)
        assert f" {name} {len(cases)} {sent - came_back} {came_back} {there} " in text
        assert there > 5


def _lives(truth: Truth, letters: Iterable[dict]) -> Iterable[tuple[float, bool]]:
    """Days from each letter to the closure that was seen, or to the last proof; once an episode."""
    first: dict[tuple[tuple[int, int, str], int], datetime] = {}
    for row in letters:
        key = (row["ip"], row["port"], row["kind"])
        for number, one in enumerate(truth.episodes[key]):
            end = one.fixed_at or one.lost_at or row["started_at"] + timedelta(days=1)
            if one.opened_at <= row["started_at"] < end:
                at = first.get((key, number), datetime.max.replace(tzinfo=UTC))
                first[key, number] = min(at, row["started_at"])
    for (key, number), started in first.items():
        one = truth.episodes[key][number]
        until = one.fixed_at or one.last_open_at
        yield max(0.0, (until - started) / timedelta(days=1)), one.fixed_at is not None


def _closed_by(days: int, lives: list[tuple[float, bool]]) -> float | None:
    """Kaplan and Meier's estimate; None if nobody was followed so long."""
    if max(after for after, _ in lives) < days:
        return None
    still = 1.0
    for moment in sorted({after for after, closed in lives if closed and after <= days}):
        at_risk = sum(after >= moment for after, _ in lives)
        still *= 1 - sum(closed and after == moment for after, closed in lives) / at_risk
    return 1 - still


def test_month_compares_with_the_run_before_it(made: HistoryFiles, truth: Truth) -> None:
    """A month is told by its last run, against the last one before its first day in Madrid."""
    text = _report(made, "2026-03")
    inside = [n for n, run in enumerate(truth.runs) if run.ended_at and run.ended_at.month == 3]
    now, before = _open_in(truth, inside[-1])[0], _open_in(truth, inside[0] - 1)[0]
    assert "March 2026" in text
    assert f"Spain: {now} servers are open to strangers" in text
    assert f"({before})" in text if now != before else "as many as the last time" in text


def test_reports_that_are_due_are_made_once(made: HistoryFiles) -> None:
    """Every agency whose week is over, by its own clock; made again only if it was not whole."""
    lines: list[str] = []

    def say(text: str, *values: object) -> None:
        lines.append(text % values)

    due = {one.agency: str(one.period) for one in due_reports(made.settings, "history", SUNDAY)
           if one.run is not None}  # fmt: skip
    assert due["jp-kakuu"] == "2026-W05"
    assert due["eg-khayali"] == "2026-W04"
    first = report_what_is_due(made.settings, "history", SUNDAY, say)
    assert first.made == len([line for line in lines if "report of" in line]) > 2
    assert not first.failed
    lines.clear()
    again = report_what_is_due(made.settings, "history", SUNDAY, say)
    assert again.made == 0
    assert all("made already" in line for line in lines)
    folder = Layout(made.settings.data).report("jp-kakuu", "2026-W05")
    (folder / "manifest.json").unlink()  # as if it had been stopped before its end
    assert report_what_is_due(made.settings, "history", SUNDAY, say).made == 1
    assert (folder / "manifest.json").is_file()


def test_due_reports_are_handed_over_once(made: HistoryFiles, tmp_path: Path) -> None:
    """Into a folder that both may reach; the next run of the job hands nothing over again."""
    lines: list[str] = []

    def say(text: str, *values: object) -> None:
        lines.append(text % values)

    target = tmp_path / "exchange"
    target.mkdir()
    outgoing = tmp_path / "outgoing.toml"
    outgoing.write_text(f'[drops]\nfolders = ["{target}"]\n')
    path = made.settings.agencies / "jp-kakuu.toml"
    text = path.read_text(encoding="utf-8")
    start = text.index("[[delivery.mail]]")
    path.write_text(f'{text[:start]}[[delivery.folder]]\nfolder = "{target}"\n')
    others = [made.settings.agencies / f"{name}.toml" for name in (AGENCY, "eg-khayali")]
    for other in others:
        other.rename(tmp_path / other.name)
    try:
        first = report_what_is_due(made.settings, "history", SUNDAY, say, outgoing)
        arrived = {path.name: path.read_bytes() for path in target.rglob("*") if path.is_file()}
        again = report_what_is_due(made.settings, "history", SUNDAY, say, outgoing)
    finally:
        for other in others:
            (tmp_path / other.name).rename(other)
        path.write_text(text, encoding="utf-8")
    assert first.delivered == again.delivered == 3, lines
    assert not first.failed
    assert again.made == 0
    assert {Path(name).suffix for name in arrived} >= {".pdf", ".html", ".csv", ".json"}, arrived
    assert {p.name: p.read_bytes() for p in target.rglob("*") if p.is_file()} == arrived


def test_week_without_a_run_is_said_and_no_error(made: HistoryFiles) -> None:
    """The survey missed a week: there is no report on it, and nobody gets an old one."""
    lines: list[str] = []

    def say(text: str, *values: object) -> None:
        lines.append(text % values)

    long_after = datetime(2027, 1, 6, tzinfo=UTC)
    done = report_what_is_due(made.settings, "history", long_after, say)
    assert (done.made, done.without_run, done.failed) == (0, 3, ())
    assert lines == [
        "eg-khayali 2026-W53: no run ended in it, no report",
        "es-ejemplar 2026-W53: no run ended in it, no report",
        "jp-kakuu 2026-W53: no run ended in it, no report",
    ]
