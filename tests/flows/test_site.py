"""The site from a campaign's file, as a user makes it."""

import json
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
from click.testing import CliRunner
from made_site import CAMPAIGN, NOON, PAGE, made_campaign, made_settings

from survey.cli.main import main
from survey.flows.history import make_history
from survey.flows.lifecycle import trace
from survey.flows.site import build_site
from survey.flows.site_figures import published_figures
from survey.identity.probing import read_probing
from survey.lab.history.scale import Scale
from survey.site.languages import written


def test_site_is_written_whole(tmp_path: Path) -> None:
    """Pages, the list for programs, and what others look up; each in its place."""
    made = build_site(made_settings(tmp_path), made_campaign(tmp_path), tmp_path / "www", NOON)
    assert made.languages == written()
    assert made.largest < 50_000
    assert (tmp_path / "www/close/postfix/index.html").is_file()
    listed = json.loads((tmp_path / "www/agencies.json").read_text(encoding="utf-8"))
    assert len(listed["agencies"]) == 3
    probing = read_probing((tmp_path / "www/.well-known/probing.txt").read_text())
    assert probing.contacts == ("mailto:survey@survey.example", PAGE)
    assert (tmp_path / "www/.well-known/security.txt").read_bytes().startswith(b"# Example")
    first = (tmp_path / "www/index.html").read_text(encoding="utf-8")
    assert "survey@survey.example" in first  # `survey identity check` looks for it there
    assert not (tmp_path / "www/figures").exists()
    assert "/figures/" not in first


def test_command_says_where_it_is(tmp_path: Path) -> None:
    """And what there is of it."""
    settings = made_settings(tmp_path)
    campaign = tmp_path / "spring.toml"
    campaign.write_text(CAMPAIGN.format(page=PAGE), encoding="utf-8")
    done = CliRunner().invoke(
        main,
        [
            *("--agencies", str(settings.agencies), "site", "build"),
            *(str(campaign), str(tmp_path / "www"), "--json"),
        ],
    )
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["pages"] > 100
    assert told["languages"] == list(written())


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    """One line, exit code 2, nothing touched."""
    settings = made_settings(tmp_path)
    made_campaign(tmp_path)
    done = CliRunner().invoke(
        main,
        [
            *("--agencies", str(settings.agencies), "site", "build"),
            *(str(tmp_path / "spring.toml"), str(tmp_path)),
        ],
    )
    assert done.exit_code == 2
    assert "holds something else than a site" in done.stderr
    assert (tmp_path / "spring.toml").is_file()


def test_figures_are_there_once_a_run_is_judged(tmp_path: Path) -> None:
    """A page, and files in which nothing is shown that is small; else neither page nor link."""
    scale = Scale(weeks=3, servers=200, crowd=200, missed=(), torn=())
    make_history(tmp_path / "history", scale)
    settings = replace(made_settings(tmp_path), data=tmp_path / "history/data")
    trace(settings, "history")
    campaign = made_campaign(tmp_path)
    assert published_figures(settings, campaign.id) is None

    about = campaign.campaign.model_copy(update={"id": "history"})
    build_site(settings, campaign.model_copy(update={"campaign": about}), tmp_path / "www", NOON)

    assert 'href="/figures/"' in (tmp_path / "www/index.html").read_text(encoding="utf-8")
    table = pq.read_table(tmp_path / "www/figures/exposure.parquet")
    assert (table.schema.field("open").metadata or {})[b"doc"]
    shown = [row["open"] for row in table.to_pylist() if not row["suppressed"]]
    assert shown
    assert not any(0 < (count or 0) < 5 for count in shown)
    said = (tmp_path / "www/figures/exposure.csv").read_text(encoding="utf-8").splitlines()
    assert len(said) == table.num_rows + 1
    named = (tmp_path / "www/figures/columns.csv").read_text(encoding="utf-8").splitlines()
    assert len(named) == table.num_columns + 1
    page = (tmp_path / "www/ja/figures/index.html").read_text(encoding="utf-8")
    assert "<svg" in page
    assert len(page.encode()) < 50_000
