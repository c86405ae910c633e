"""How every question of the analysis is asked."""

from pathlib import Path

from survey.analysis.database import connect
from survey.storage.layout import Layout


def test_no_question_draws_a_progress_bar(tmp_path: Path) -> None:
    """DuckDB draws it on stdout after two seconds, in the middle of a JSON document."""
    with connect(Layout(tmp_path)) as connection:
        (shown,) = connection.execute("SELECT current_setting('enable_progress_bar')").fetchall()

    assert shown == (False,)
