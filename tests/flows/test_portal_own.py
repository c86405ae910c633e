"""An agency's part of a run is kept until anything of it changes, and only so much is kept."""

import threading
from datetime import timedelta
from pathlib import Path

import pytest
from judged_run import BEGUN, IP, JudgedRun, make_judged_run

from survey.flows import portal_own
from survey.flows.portal_own import Own, Owns
from survey.model.address import Range, parse_ip
from survey.model.agency import Agency
from survey.portal.desk import NotReadyError, Question
from survey.targets.optouts import add


@pytest.fixture
def judged(tmp_path: Path) -> JudgedRun:
    """Two countries, two networks and a gap."""
    return make_judged_run(tmp_path)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Whose part was read from the tables."""
    real = Owns._read
    told: list[str] = []

    def read(self: Owns, agency: Agency, *rest: object) -> Own:
        told.append(agency.id)
        return real(self, agency, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Owns, "_read", read)
    return told


def _owns(judged: JudgedRun) -> Owns:
    return Owns(judged.settings, judged.optouts)


def _own(owns: Owns, judged: JudgedRun, id_: str = "es-prueba", *ips: str) -> Own:
    agency = owns.agency(id_)
    assert agency is not None
    return owns.own(agency, judged.plan, frozenset(map(parse_ip, ips)))


def test_nothing_is_read_twice(judged: JudgedRun, told: list[str]) -> None:
    """Until the file of the agency, a table, the opt-outs or what is asked about change."""
    owns = _owns(judged)
    for _ in range(3):
        _own(owns, judged)
    assert told == ["es-prueba"]
    run = judged.layout.run("trial", "2026-W48")
    run.findings.write_bytes(run.findings.read_bytes())
    _own(owns, judged)
    ip = parse_ip(IP["relay"])
    add(judged.optouts, (Range(ip, ip),), "owner", "by phone", BEGUN, BEGUN + timedelta(1))
    assert ip not in {one.ip for one in _own(owns, judged).servers}
    path = judged.settings.agencies / "es-prueba.toml"
    path.write_text(path.read_text() + "networks = [64501]\n")
    assert parse_ip(IP["foreign"]) in {one.ip for one in _own(owns, judged).servers}
    _own(owns, judged, "es-prueba", IP["both"])
    assert len(told) == 5


def test_members_are_the_asked_ones_of_the_jurisdiction(judged: JudgedRun) -> None:
    """Whatever their verdict; neither foreign ones nor any that no row is about."""
    every = (*IP.values(), "192.0.2.1")
    own = _own(_owns(judged), judged, "xx-net", *every)
    assert own.members == {parse_ip(IP[name]) for name in ("both", "closed", "foreign")}


def test_many_at_once_read_once(judged: JudgedRun, told: list[str]) -> None:
    """Who waits finds what the other has read."""
    owns = _owns(judged)
    threads = [threading.Thread(target=_own, args=(owns, judged)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == ["es-prueba"]


def test_only_so_much_is_kept(
    judged: JudgedRun, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the number of servers; the newest stays even if it alone is too much."""
    monkeypatch.setattr(portal_own, "_SERVERS", 6)
    owns = _owns(judged)
    for id_ in ("es-prueba", "mx-prueba", "xx-gap", "mx-prueba", "es-prueba"):
        _own(owns, judged, id_)
    assert told == ["es-prueba", "mx-prueba", "xx-gap", "es-prueba"]
    monkeypatch.setattr(portal_own, "_SERVERS", 1)
    _own(owns, judged, "xx-net")
    assert len(owns._owns) == 1


def test_tables_that_are_gone_are_told(judged: JudgedRun) -> None:
    """Past their period, nothing can be said of a run: that is not "nothing is open"."""
    judged.layout.run("trial", "2026-W48").hosts.unlink()
    with pytest.raises(NotReadyError):
        _own(_owns(judged), judged)


@pytest.mark.parametrize("after", ["zzz", "1", "1-2", "1-2-x", "9" * 10 + "-1-socks5"])
def test_a_made_up_place_is_the_end(judged: JudgedRun, after: str) -> None:
    """Nothing breaks, nothing is shown that another place would not show."""
    own = _own(_owns(judged), judged)
    assert list(own.asked(Question(limit=9, after=after))) == []
