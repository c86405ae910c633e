"""Every notebook runs from top to bottom, and its committed outputs are what it says now.

After a change, ``SURVEY_REFRESH_NOTEBOOKS=1 pytest tests/notebooks`` writes the outputs anew.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from made_survey import make_survey
from nbclient import NotebookClient
from nbformat import NotebookNode

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A small judged survey, which ``survey.open()`` finds."""
    made = make_survey(tmp_path_factory.mktemp("survey"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SURVEY_DATA", str(made.layout.root))
        patch.setenv("PYTHONWARNINGS", "ignore")  # of the kernel's own libraries
        yield made.layout.root


def shown(notebook: NotebookNode) -> list[list[object]]:
    """What a reader sees of each cell."""
    return [
        [output.get("data", output.get("text")) for output in cell.outputs]
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs_and_shows_what_is_committed(path: Path, data: Path) -> None:
    """No cell fails, every cell shows something, and it is what the file shows."""
    assert data.is_dir()
    committed = nbformat.read(path, as_version=4)
    fresh = nbformat.read(path, as_version=4)
    NotebookClient(fresh, timeout=60, kernel_name="python3").execute()
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
