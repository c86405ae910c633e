"""What brings a report says the same in every language, and nothing in another."""

import pytest
from made_figures import make_agency

from survey.reports.covering import Note, covering_note
from survey.reports.languages import speak, written

FILES = [("open_servers-es-ejemplar-2026-W48.csv", 12_345), ("manifest-es-ejemplar.json", 900)]


def _note(language: str, *, revision: int = 1) -> Note:
    return covering_note(
        speak(language),
        make_agency(),
        "2026-W48",
        revision=revision,
        files=FILES,
        reply_to="desk@survey.example",
    )


@pytest.mark.parametrize("language", written())
def test_note_names_what_a_reader_needs(language: str) -> None:
    """Marking first, then for whom and of when; each file with its size; the mailbox last."""
    note = _note(language)
    assert note.subject.startswith("[TLP:AMBER] Secure Your Server")
    assert "2026-W48" in note.subject
    assert "es-ejemplar" in note.subject
    assert "\n" not in note.subject
    assert "Agencia Ejemplar de Correo Limpio" in note.opening[0]
    assert "TLP:AMBER" in note.opening[0]
    for line, (name, size) in zip(note.files, FILES, strict=True):
        assert name in line
        assert speak(language).number(size) in line
    assert "manifest-es-ejemplar.json" in note.closing[0]
    assert "desk@survey.example" in note.closing[-1]


@pytest.mark.parametrize("language", written())
def test_correction_is_told_apart(language: str) -> None:
    """Which one it is stands behind an otherwise same subject."""
    first, second = _note(language).subject, _note(language, revision=2).subject
    assert second.startswith(first)
    assert "2" in second.removeprefix(first)


@pytest.mark.parametrize("language", sorted(set(written()) - {"en"}))
def test_no_sentence_is_english(language: str) -> None:
    """Paragraph by paragraph."""
    ours, english = _note(language), _note("en")
    for part in ("opening", "closing"):
        assert not set(getattr(ours, part)) & set(getattr(english, part))
