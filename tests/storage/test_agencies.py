"""Agency files are read whole or refused in one line; shared claims are told."""

from pathlib import Path

import pytest

from survey.errors import ConfigError
from survey.model.address import Range
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
