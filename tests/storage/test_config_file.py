"""A TOML file a person wrote becomes a checked record, or one line that helps."""

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictInt, ValidationInfo

from survey.errors import ConfigError
from survey.storage.config_file import read_config, tables_of


def _in_folder(name: str, info: ValidationInfo) -> str:
    assert info.context is not None
    return str(info.context["folder"] / name)


def _even(number: int) -> int:
    if number % 2:
        raise ValueError(f"{number} is odd; give an even one")
    return number


class Inner(BaseModel):
    """A table."""

    model_config = ConfigDict(extra="forbid")
    sizes: tuple[StrictInt, ...] = ()
    colour: Literal["red", "blue"] = "red"


class Outer(BaseModel):
    """A file."""

    model_config = ConfigDict(extra="forbid")
    name: str
    count: Annotated[StrictInt, Field(ge=1, le=9), AfterValidator(_even)] = 2
    share: Annotated[float, Field(gt=0)] = 1
    on: Annotated[bool, Field(strict=True)] = True
    file: Annotated[str, AfterValidator(_in_folder)] | None = None
    inner: Inner | None = None


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "name: is missing; add it"),
        ("name = 3", 'name: 3 won\'t do; write text in "quotes"'),
        ('name = "a"\ncount = 10', "count: 10 won't do; must be at most 9"),
        ('name = "a"\ncount = 0', "count: 0 won't do; must be at least 1"),
        ('name = "a"\ncount = 3', "count: 3 is odd; give an even one"),
        ('name = "a"\nshare = 0', "share: 0 won't do; must be above 0.0"),
        ('name = "a"\non = 1', "on: 1 won't do; write true or false"),
        ('nam = "a"', "name: is missing; 'nam' should be it"),
        ('name = "a"\ncoun = 2', "coun: is not a key we know; did you mean 'count'?"),
        (
            'name = "a"\nwhatever = 1',
            "whatever: is not a key we know; known keys: name, count, share, on, file, inner",
        ),
        ('name = "a"\ninner = 1', "inner: is not a table; write it as [inner] with keys below it"),
        ('name = "a"\n[inner]\nsizes = 1', "inner.sizes: 1 won't do; write a [list]"),
        (
            'name = "a"\n[inner]\nsizes = [1, "2"]',
            "inner.sizes.1: '2' won't do; write a whole number",
        ),
        (
            'name = "a"\n[inner]\nsize = [1]',
            "inner.size: is not a key we know; did you mean 'sizes'?",
        ),
        (
            'name = "a"\n[inner]\ncolour = "green"',
            "inner.colour: 'green' won't do; write 'red' or 'blue'",
        ),
    ],
)
def test_first_mistake_is_one_line_with_key_and_cure(tmp_path: Path, text: str, line: str) -> None:
    """The whole line, as a person reads it."""
    path = tmp_path / "file.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_config(path, Outer)
    assert str(caught.value) == f"{path}: {line}"


def test_endless_value_is_shortened(tmp_path: Path) -> None:
    """A mistake of a thousand characters does not fill the screen."""
    path = tmp_path / "file.toml"
    path.write_text(f'name = "a"\ncount = "{"x" * 1000}"', encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_config(path, Outer)
    assert len(caught.value.problem) < 80


def test_validator_knows_the_files_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that relative paths can start from it, not from where the command is run."""
    (tmp_path / "file.toml").write_text('name = "a"\nfile = "b"', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert read_config(Path("file.toml"), Outer).file == str(tmp_path / "b")


def test_tables_are_found_in_annotations() -> None:
    """With or without None; none in a plain value."""
    assert tables_of(Inner) == (Inner,)
    assert tables_of(Inner | None) == (Inner,)
    assert tables_of(int) == ()
