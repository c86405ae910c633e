"""Everything that an agency's file may say arrives, and each mistake in it is one line."""

from pathlib import Path

import pytest

from survey.errors import ConfigError
from survey.model.agency import Person
from survey.model.delivery import (
    Audience,
    FolderDestination,
    Format,
    MailDestination,
    S3Destination,
    SftpDestination,
)
from survey.model.period import Cadence
from survey.storage.agencies import read_agency

WHOLE = """\
id = "es-prueba"
name = "Agencia de Prueba"
country = "ES"
languages = ["es", "en"]
contact = "contacto@agencia-es.example"
page = "https://agencia-es.example/servidor-seguro"
tlp = "TLP:AMBER"
cadence = "monthly"
time_zone = "Europe/Madrid"
audiences = ["public", "technical"]
formats = ["html", "shadowserver", "parquet"]

[jurisdiction]
countries = ["ES"]

[keys]
openpgp = "es-prueba.asc"
fingerprint = "0123456789ABCDEF0123456789ABCDEF01234567"

[[contacts]]
name = "Mesa de guardia"
role = "incidencias, día y noche"
mail = "guardia@agencia-es.example"
phone = "+34 900 000 000"
languages = ["es"]

[[delivery.mail]]
to = ["informes@agencia-es.example"]
formats = ["html"]

[[delivery.sftp]]
host = "drop.agencia-es.example"
user = "survey"
folder = "incoming"
host_key = "ssh-ed25519 AAAA"
key = "es-prueba-sftp"
takes_away = true

[[delivery.s3]]
name = "lake"
endpoint = "https://s3.agencia-es.example"
region = "eu-south-2"
bucket = "reports"
prefix = "survey/"
credentials = "es-prueba-s3"

[[delivery.folder]]
folder = "/srv/exchange/es-prueba"
"""


def _write(folder: Path, text: str = WHOLE) -> Path:
    path = folder / "es-prueba.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_whole_file_arrives(tmp_path: Path) -> None:
    """Calendar, readers, formats, key, people and four kinds of destinations."""
    agency = read_agency(_write(tmp_path))
    assert (agency.cadence, agency.time_zone) == (Cadence.MONTHLY, "Europe/Madrid")
    assert agency.audiences == (Audience.PUBLIC, Audience.TECHNICAL)
    assert agency.formats == (Format.HTML, Format.SHADOWSERVER, Format.PARQUET)
    assert agency.openpgp == tmp_path / "es-prueba.asc"
    assert agency.fingerprint.startswith("0123")
    assert agency.contacts == (
        Person(
            "Mesa de guardia",
            "incidencias, día y noche",
            "guardia@agencia-es.example",
            "+34 900 000 000",
            ("es",),
        ),
    )
    assert agency.delivery == (
        MailDestination("mail", (Format.HTML,), ("informes@agencia-es.example",)),
        SftpDestination(
            "sftp",
            (),
            "drop.agencia-es.example",
            22,
            "survey",
            "incoming",
            "ssh-ed25519 AAAA",
            "es-prueba-sftp",
            takes_away=True,
        ),
        S3Destination(
            "lake",
            (),
            "https://s3.agencia-es.example",
            "eu-south-2",
            "reports",
            "survey/",
            "es-prueba-s3",
            takes_away=False,
        ),
        FolderDestination("folder", (), Path("/srv/exchange/es-prueba"), takes_away=False),
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('"monthly"', '"daily"', "cadence: 'daily' won't do; write 'weekly' or 'monthly'"),
        ('"Europe/Madrid"', '"Madrid"', "time_zone: 'Madrid' is no time zone; write an IANA"),
        ('"Europe/Madrid"', '"../../etc"', "time_zone: '../../etc' is no time zone; write an"),
        ('"public", ', '"press", ', "audiences.0: 'press' won't do; write"),
        ('"shadowserver"', '"excel"', "formats.1: 'excel' won't do; write"),
        ('"shadowserver"', '"html"', "formats: names 'html' twice; write it once"),
        (
            '"public", "technical"',
            '"public"',
            'formats shadowserver, parquet name single hosts; add "technical" to audiences, or',
        ),
        ('"es-prueba.asc"', '"../key"', "keys.openpgp: '../key' won't do; write a file's name"),
        ('01234567"', '"', "keys.fingerprint: "),
        ('mail = "guardia@', 'mail = "', "contacts.0.mail: 'agencia-es.example' won't do"),
        ('phone = "+34', 'phone = "34', "contacts.0.phone: '34 900 000 000' won't do; write it"),
        ('to = ["informes@', 'to = ["', "delivery.mail.0.to.0: 'agencia-es.example' won't do"),
        ('to = ["informes', 'too = ["informes', "delivery.mail.0.to: is missing; 'too' should be"),
        ('host_key = "ssh-ed25519 ', 'host_key = "', "delivery.sftp.0.host_key: 'AAAA' won't do"),
        ('folder = "incoming"', 'folder = "a b"', "delivery.sftp.0.folder: 'a b' won't do"),
        ("https://s3", "http://s3", "delivery.s3.0.endpoint: 'http://s3.agencia-es.example' won't"),
        ('"/srv', '"srv', "delivery.folder.0.folder: 'srv/exchange/es-prueba' won't do; write an"),
        ('name = "lake"', 'name = "sftp"', "delivery: two destinations are named 'sftp'; name"),
        ('formats = ["html"]', 'formats = ["stix"]', "delivery: 'mail' wants 'stix', which is not"),
    ],
)
def test_each_mistake_is_one_line_with_key_and_cure(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    """File, key, what is wrong, what would be right."""
    assert old in WHOLE
    path = _write(tmp_path, WHOLE.replace(old, new, 1))
    with pytest.raises(ConfigError) as caught:
        read_agency(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: {expected}"), text
    assert "\n" not in text
    assert "; " in text
