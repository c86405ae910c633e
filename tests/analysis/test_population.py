"""The table of people: whole, dated, and with its terms."""

from survey.analysis.population import population


def test_the_table_says_where_it_is_from() -> None:
    """Source, licence, the line it asks for, and the day."""
    people = population()

    assert "World Bank" in people.source
    assert people.licence.startswith("CC-BY-4.0")
    assert "CC BY 4.0" in people.attribution
    assert people.retrieved.startswith("2026-")


def test_each_country_and_year_is_there_once() -> None:
    """ISO codes, and nearly all of the world's people."""
    table = population().table.to_pylist()
    keys = [(row["country"], row["year"]) for row in table]
    newest = max(year for _, year in keys)

    assert len(set(keys)) == len(keys)
    assert all(len(country) == 2 and country.isupper() for country, _ in keys)
    assert 8.0e9 < sum(row["people"] for row in table if row["year"] == newest) < 8.5e9
