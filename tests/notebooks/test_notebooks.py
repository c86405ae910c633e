"""Every notebook runs from top to bottom, and its committed outputs are what it says now.

The first is about one run; the others need many, and get an invented history.

After a change, ``SURVEY_REFRESH_NOTEBOOKS=1 pytest tests/notebooks`` writes the outputs anew.
"""

import os
from pathlib import Path

import nbformat
import pytest
from made_survey import make_survey
from nbclient import NotebookClient
from nbformat import NotebookNode

from survey.flows.history import make_history
from survey.flows.lifecycle import trace
from survey.lab.history.scale import Scale

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


SCALE = Scale(weeks=14, servers=400, crowd=1000, torn=(11,), narrow=(), letters=40)


@pytest.fixture(scope="module")
def one_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small judged survey."""
    return make_survey(tmp_path_factory.mktemp("survey")).layout.root


@pytest.fixture(scope="module")
def many_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A judged history with its episodes."""
    made = make_history(tmp_path_factory.mktemp("history") / "made", SCALE)
    trace(made.settings, "history")
    return made.settings.data


def shown(notebook: NotebookNode) -> list[list[object]]:
    """What a reader sees of each cell; of a picture only that it is one, since fonts differ."""
    return [
        [
            "a picture"
            if "image/png" in output.get("data", ())
            else output.get("data", output.get("text"))
            for output in cell.outputs
        ]
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs_and_shows_what_is_committed(
    path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No cell fails, every cell shows something, and it is what the file shows."""
    data = request.getfixturevalue("one_run" if path.stem.startswith("01") else "many_runs")
    monkeypatch.setenv("SURVEY_DATA", str(data))
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")  # of the kernel's own libraries
    committed = nbformat.read(path, as_version=4)
    fresh = nbformat.read(path, as_version=4)
    client = NotebookClient(fresh, timeout=60, kernel_name="python3")
    client.execute(cwd=str(FOLDER))
    for cell in fresh.cells:
        cell.metadata.pop("execution", None)  # when each cell ran
    if os.environ.get("SURVEY_REFRESH_NOTEBOOKS"):
        nbformat.write(fresh, path)
        committed = fresh

    assert all(shown(fresh))
    assert shown(fresh) == shown(committed)


def test_there_is_a_notebook() -> None:
    """The folder is where it should be."""
    assert NOTEBOOKS
