"""Agency files are read whole or refused in one line; shared claims are told."""

from datetime import date
from pathlib import Path

import pytest

from survey.errors import ConfigError
from survey.model.address import Range
from survey.model.experiment import Experiment, Medium, Wording
from survey.storage.agencies import Overlap, find_agency, overlaps, read_agencies, read_agency

GOOD = """\
id = "es-prueba"
name = "Agencia de Prueba"
country = "ES"
languages = ["es", "en"]
contact = "contacto@agencia-es.example"
page = "https://agencia-es.example/servidor-seguro"
tlp = "TLP:AMBER"

[jurisdiction]
countries = ["ES"]
networks = [64500]
cidrs = ["192.0.2.0/24"]
exclude = ["192.0.2.128/25"]
"""


def _write(folder: Path, text: str = GOOD, name: str = "es-prueba") -> Path:
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_whole_file_becomes_an_agency(tmp_path: Path) -> None:
    """Every key arrives; ranges are numbers with both ends included."""
    agency = read_agency(_write(tmp_path))
    assert (agency.id, agency.country, agency.tlp) == ("es-prueba", "ES", "TLP:AMBER")
    assert agency.languages == ("es", "en")
    assert agency.jurisdiction.countries == {"ES"}
    assert agency.jurisdiction.networks == {64500}
    assert agency.jurisdiction.ranges == (Range(0xC0000200, 0xC00002FF),)
    assert agency.jurisdiction.excluded == (Range(0xC0000280, 0xC00002FF),)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('contact = "', 'contcat = "', "contact: is missing"),
        ('page = "', 'extra = 1\npage = "', "extra: is not a key we know"),
        ('"TLP:AMBER"', '"TLP: AMBER"', "tlp: 'TLP: AMBER' won't do"),
        ('"TLP:AMBER"', '"TLP:WHITE"', "tlp: 'TLP:WHITE' won't do"),
        ('country = "ES"', 'country = "es"', "country: 'es' won't do"),
        ('["es", "en"]', "[]", "languages: [] won't do"),
        ('["es", "en"]', '["Spanish"]', "languages.0: 'Spanish' won't do"),
        ("[64500]", '["AS64500"]', "jurisdiction.networks.0: 'AS64500' won't do"),
        ("[64500]", "[0]", "jurisdiction.networks.0: 0 won't do"),
        ("192.0.2.0/24", "192.0.2.1/24", "jurisdiction.cidrs.0: '192.0.2.1/24' is no IPv4 range"),
        ("192.0.2.128/25", "2001:db8::/32", "jurisdiction.exclude.0: '2001:db8::/32' is no IPv4"),
        ("contacto@", "", "contact: 'agencia-es.example' won't do"),
        ("https://", "http://", "page: 'http://agencia-es.example/servidor-seguro' won't do"),
        ('id = "es-prueba"', 'id = "es-otra"', "id: 'es-otra' is not the file's name"),
        ("Agencia de Prueba", "Agencia\\nBcc: x", "name: 'Agencia\\nBcc: x' won't do"),
    ],
)
def test_each_mistake_is_one_line_with_file_key_and_cure(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    """The error names the file, the key, what is wrong and what would be right."""
    path = _write(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(ConfigError) as caught:
        read_agency(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: {expected}")
    assert "\n" not in text
    assert "; " in text


def test_agency_that_answers_for_nothing_is_refused(tmp_path: Path) -> None:
    """An empty jurisdiction would give an empty report that looks like good news."""
    path = _write(tmp_path, GOOD.partition("countries")[0])
    with pytest.raises(ConfigError, match="jurisdiction: is empty"):
        read_agency(path)


def test_unknown_agency_is_refused_with_those_known(tmp_path: Path) -> None:
    """The cure lists the ids; a path is never an id."""
    _write(tmp_path)
    assert find_agency(tmp_path, "es-prueba").id == "es-prueba"
    with pytest.raises(ConfigError, match="agencies there: es-prueba"):
        find_agency(tmp_path, "de-probe")
    with pytest.raises(ConfigError, match="no agency"):
        find_agency(tmp_path, "../es-prueba")


def test_missing_folder_is_refused(tmp_path: Path) -> None:
    """No agencies at all is a wrong path, not an empty operation."""
    with pytest.raises(ConfigError, match="is no folder"):
        read_agencies(tmp_path / "none")


def test_shared_countries_networks_and_ranges_are_told(tmp_path: Path) -> None:
    """Each thing that two agencies both claim is one overlap; others are none."""
    _write(tmp_path)
    other = GOOD.replace("es-prueba", "es-zweite").replace("192.0.2.0/24", "192.0.2.64/26")
    _write(tmp_path, other, "es-zweite")
    apart = (
        GOOD.replace("es-prueba", "jp-test")
        .replace('countries = ["ES"]', 'countries = ["JP"]')
        .replace("64500", "64501")
        .replace("192.0.2.0/24", "198.51.100.0/24")
    )
    _write(tmp_path, apart, "jp-test")
    assert overlaps(read_agencies(tmp_path)) == (
        Overlap("es-prueba", "es-zweite", "country ES"),
        Overlap("es-prueba", "es-zweite", "AS64500"),
        Overlap("es-prueba", "es-zweite", "192.0.2.64-192.0.2.127"),
    )


def test_agencies_of_the_lab_are_sound_and_apart() -> None:
    """Every shipped file is read; no two agencies of countries claim the same one."""
    agencies = read_agencies(Path(__file__).parents[2] / "survey/lab/agencies")
    assert {"ES", "DE", "JP", "BR", "US"} <= {agency.country for agency in agencies}
    assert all(agency.contact.endswith(".example") for agency in agencies)
    assert overlaps(agencies) == ()


SIGNED = """
[experiment]
reference = "Resolution 2026/114"
reason = "whether letters close servers"
signed_by = "Ana Prueba, head of unit"
signed_on = 2026-11-20
share = 0.2
days = 14
"""


def test_an_agency_has_no_experiment_unless_it_signs_one(tmp_path: Path) -> None:
    """Nobody waits for a letter by default."""
    assert read_agency(_write(tmp_path)).experiment is None


def test_a_signed_experiment_is_read_whole(tmp_path: Path) -> None:
    """One delay or several; arms as the file orders them."""
    arms = 'until = 2027-01-31\nlanguages = ["operator", "en"]\nmedia = ["text", "pdf"]\n'
    wordings = 'wordings = ["steps_first", "findings_first"]\n'
    text = GOOD + SIGNED.replace("days = 14", "days = [7, 14]") + arms + wordings
    assert read_agency(_write(tmp_path, text)).experiment == Experiment(
        reference="Resolution 2026/114",
        reason="whether letters close servers",
        signed_by="Ana Prueba, head of unit",
        signed_on=date(2026, 11, 20),
        until=date(2027, 1, 31),
        share=0.2,
        days=(7, 14),
        languages=("operator", "en"),
        media=(Medium.TEXT, Medium.PDF),
        wordings=(Wording.STEPS_FIRST, Wording.FINDINGS_FIRST),
    )


def test_one_delay_needs_no_list(tmp_path: Path) -> None:
    """As most will write it."""
    signed = read_agency(_write(tmp_path, GOOD + SIGNED)).experiment
    assert signed is not None
    assert (signed.days, signed.until, signed.media) == ((14,), None, ())


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('signed_by = "Ana Prueba, head of unit"\n', "", "experiment.signed_by: is missing"),
        ('signed_by = "Ana Prueba, head of unit"', 'signed_by = ""', "experiment.signed_by: ''"),
        ("signed_on = 2026-11-20\n", "", "experiment.signed_on: is missing"),
        ("2026-11-20", '"yes"', "experiment.signed_on: 'yes' won't do"),
        ('reference = "Resolution 2026/114"\n', "", "experiment.reference: is missing"),
        ('reason = "whether letters close servers"\n', "", "experiment.reason: is missing"),
        ("days = 14", "days = 15", "experiment.days.0: 15 won't do"),
        ("days = 14", "days = 0", "experiment.days.0: 0 won't do"),
        ("days = 14", "days = []", "experiment.days: [] won't do"),
        ("share = 0.2", "share = 0.6", "experiment.share: 0.6 won't do"),
        ("share = 0.2", "share = -0.1", "experiment.share: -0.1 won't do"),
        ("share = 0.2", "share = 0.0", "experiment: compares nothing"),
        ("days = 14", "until = 2026-11-19", "experiment: until lies before signed_on"),
        ("days = 14", 'media = ["text"]', "experiment: media needs two arms"),
        ("days = 14", 'media = ["text", "text"]', "experiment: media needs two arms"),
        ("days = 14", 'media = ["text", "fax"]', "experiment.media.1: 'fax' won't do"),
        ("days = 14", 'wordings = ["rude"]', "experiment.wordings.0: 'rude' won't do"),
        ("days = 14", 'languages = ["operator", "EN"]', "'EN' won't do"),
        ("days = 14", "delay = 3", "experiment.delay: is not a key we know"),
    ],
)
def test_a_wrong_experiment_is_one_line_with_its_key(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    """Who signs must be able to tell what is wrong; nothing is drawn meanwhile."""
    path = _write(tmp_path, GOOD + SIGNED.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        read_agency(path)
    assert expected in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_logo_lies_beside_the_file(tmp_path: Path) -> None:
    """Under its name alone; a path of somebody's would be refused."""
    with_logo = GOOD.replace('tlp = "', 'logo = "es.svg"\ntlp = "')
    assert read_agency(_write(tmp_path, with_logo)).logo == tmp_path / "es.svg"
    with pytest.raises(ConfigError, match=r"logo: '\.\./es\.svg' won't do"):
        read_agency(_write(tmp_path, with_logo.replace("es.svg", "../es.svg")))
