"""Agencies that see the same are told, and files that can't be used are found before they fail."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from judged_run import JudgedRun, make_judged_run
from pysequoia import Tsk

from survey.cli.main import main
from survey.flows.agencies import SharedSpace, check_agencies, shared_space
from survey.storage.keys import EXPERIMENT, make_key

NOW = datetime(2026, 11, 26, 8, 30, tzinfo=UTC)


@pytest.fixture
def judged_run(tmp_path: Path) -> JudgedRun:
    """Registries of two countries and two networks, and four agencies."""
    return make_judged_run(tmp_path)


def test_registries_tell_what_words_hide(judged_run: JudgedRun) -> None:
    """AS64501 lies in ES and MX, less one address that its agency leaves out."""
    assert shared_space(judged_run.settings, NOW) == (
        SharedSpace("es-prueba", "xx-net", (), 127),
        SharedSpace("mx-prueba", "xx-net", (), 256),
    )


def test_equal_words_are_told_with_their_addresses(judged_run: JudgedRun) -> None:
    """A regulator and a national team both name the country."""
    _copy(judged_run, "es-otra")
    first = shared_space(judged_run.settings, NOW)[0]
    assert first == SharedSpace("es-otra", "es-prueba", ("country ES",), 256)


def test_without_registries_only_words_are_compared(judged_run: JudgedRun, tmp_path: Path) -> None:
    """And nobody is told a number that nobody knows."""
    _copy(judged_run, "es-otra")
    run = CliRunner().invoke(
        main,
        [
            *("--data", str(tmp_path / "none")),
            *("--agencies", str(judged_run.settings.agencies)),
            *("agencies", "overlaps"),
        ],
    )
    assert run.exit_code == 0
    assert "country ES" in run.stdout
    assert "no registry of countries or networks is in force" in run.stderr


def test_key_of_another_fingerprint_is_wrong(judged_run: JudgedRun) -> None:
    """A key that was swapped on its way to us is found by the fingerprint told in person."""
    path = judged_run.settings.agencies / "es-prueba.toml"
    cert = Tsk.generate("Agencia <desk@agencia-es.example>").extract_certificate()
    (path.parent / "es.asc").write_bytes(bytes(cert))
    told = cert.fingerprint.upper()

    def check(fingerprint: str) -> list[str]:
        text = path.read_text(encoding="utf-8").partition("\n[keys]")[0]
        keys = f'\n[keys]\nopenpgp = "es.asc"\nfingerprint = "{fingerprint}"\n'
        path.write_text(text + keys, encoding="utf-8")
        return [one.text for one in check_agencies(judged_run.settings) if one.wrong]

    assert check(told) == []
    (wrong,) = check("0" * len(told))
    assert f"has the fingerprint {told}, not 000" in wrong
    (path.parent / "es.asc").write_text("no key")
    assert "is no OpenPGP certificate" in check(told)[0]


def test_command_fails_on_what_a_delivery_would_fail_on(judged_run: JudgedRun) -> None:
    """Exit code 1, one line an agency; without a key it is a remark."""
    typed = ["--data", str(judged_run.settings.data), "--agencies"]
    typed += [str(judged_run.settings.agencies), "agencies", "check"]
    good = CliRunner().invoke(main, typed)
    assert good.exit_code == 0
    assert "es-prueba: gives no OpenPGP key" not in good.stderr  # it has no delivery at all
    assert "es-prueba: has no delivery" in good.stderr
    path = judged_run.settings.agencies / "es-prueba.toml"
    keys = '\n[keys]\nopenpgp = "none.asc"\nfingerprint = "' + "0" * 40 + '"\n'
    path.write_text(path.read_text(encoding="utf-8") + keys, encoding="utf-8")
    bad = CliRunner().invoke(main, typed)
    assert bad.exit_code == 1
    assert "none.asc: can't be read" in bad.stderr


def test_public_list_is_generated_from_the_files(judged_run: JudgedRun, tmp_path: Path) -> None:
    """Names, pages and mailboxes, escaped; no person and no delivery."""
    agencies = judged_run.settings.agencies
    path = agencies / "es-prueba.toml"
    text = path.read_text(encoding="utf-8").replace("Agency es-prueba", "Redes <b>Limpias</b>")
    path.write_text(
        text + '\n[[contacts]]\nname = "Ana"\nrole = "duty"\nmail = "ana@es-prueba.example"\n',
        encoding="utf-8",
    )
    for name in ("list.html", "list.json"):
        run = CliRunner().invoke(
            main, ["--agencies", str(agencies), "agencies", "publish", str(tmp_path / name)]
        )
        assert run.exit_code == 0, run.stderr
        written = (tmp_path / name).read_text(encoding="utf-8")
        assert "https://xx-net.example/op" in written
        assert "ana@" not in written
    assert "Redes &lt;b&gt;Limpias" in (tmp_path / "list.html").read_text(encoding="utf-8")
    wrong = CliRunner().invoke(main, ["--agencies", str(agencies), "agencies", "publish", "x.txt"])
    assert wrong.exit_code == 2


def _copy(judged_run: JudgedRun, name: str) -> None:
    text = (judged_run.settings.agencies / "es-prueba.toml").read_text(encoding="utf-8")
    path = judged_run.settings.agencies / f"{name}.toml"
    path.write_text(text.replace("es-prueba", name), encoding="utf-8")


def test_logo_that_can_not_be_used_is_found_before_a_letter_fails(judged_run: JudgedRun) -> None:
    """What is wrong with it, and the cure."""
    path = judged_run.settings.agencies / "es-prueba.toml"
    (path.parent / "es.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"><text/></svg>')
    path.write_text('logo = "es.svg"\n' + path.read_text())

    (remark,) = [one for one in check_agencies(judged_run.settings) if one.wrong]
    assert remark.agency == "es-prueba"
    assert "es.svg: logo: holds <text>" in remark.text
    assert "turn text into outlines" in remark.text


SIGNED = """
[experiment]
reference = "Resolution 2026/114"
reason = "whether letters close servers"
signed_by = "Ana Prueba"
signed_on = 2026-11-20
share = 0.2
languages = ["operator", "LANGUAGE"]
"""


@pytest.mark.parametrize(
    ("language", "key", "wrong"),
    [("en", True, None), ("en", False, "experiment.key"), ("eo", True, "no letter is written in")],
)
def test_a_signed_experiment_is_told_and_checked(
    judged_run: JudgedRun, language: str, *, key: bool, wrong: str | None
) -> None:
    """Who waits, by whose signature; and what would stop its letters."""
    path = judged_run.settings.agencies / "es-prueba.toml"
    signed = SIGNED.replace("LANGUAGE", language)
    path.write_text(path.read_text(encoding="utf-8") + signed, encoding="utf-8")
    if key:
        make_key(judged_run.settings.keys, EXPERIMENT)
    mine = [one for one in check_agencies(judged_run.settings) if one.agency == "es-prueba"]
    said = [one.text for one in mine if one.text.startswith("signed by")]
    (text,) = said
    assert text == (
        "signed by Ana Prueba on 2026-11-20, Resolution 2026/114: by lot 20% of its cases wait up "
        "to 14 days for their letter, without an end"
    )
    amiss = [one.text for one in mine if one.wrong]
    assert (amiss == []) if wrong is None else (wrong in amiss[0])
