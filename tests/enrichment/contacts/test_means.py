"""What docs/contacts.md shows is what is read."""

import re
from pathlib import Path

from survey.enrichment.contacts.means import read_means
from survey.enrichment.contacts.overrides import read_overrides
from survey.model.contact import ContactSource

PAGE = (Path(__file__).parents[3] / "docs" / "contacts.md").read_text(encoding="utf-8")
WHOLE, OVERRIDES = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


def test_the_example_of_the_page_is_read(tmp_path: Path) -> None:
    """Every table of it; paths start at its folder."""
    path = tmp_path / "contacts.toml"
    path.write_text(WHOLE, encoding="utf-8")
    means = read_means(path)

    assert all(getattr(means, table) is not None for table in type(means).model_fields)
    assert means.suppressed == tmp_path / "suppressed.log"
    assert means.agent == (
        "secure-your-server (+https://survey.example.org/; questions@survey.example.org)"
    )
    cert = means.cert_of("ES")
    assert cert is not None
    assert (cert.source, cert.language) == (ContactSource.CERT, "es")


def test_the_overrides_of_the_page_are_read(tmp_path: Path) -> None:
    """As an agency would write them."""
    (tmp_path / "es-ejemplar.toml").write_text(OVERRIDES, encoding="utf-8")
    (one,) = read_overrides(tmp_path, ("es-ejemplar",))

    assert (one.contact.email, one.networks) == ("noc@altamar.example", frozenset({64500}))
