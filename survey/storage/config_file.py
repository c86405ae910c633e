"""A TOML file that a person wrote, read into a checked record, or one clear line about why not."""

import difflib
import reprlib
import tomllib
from pathlib import Path
from typing import TypeVar, get_args

from pydantic import BaseModel, ValidationError

from survey.errors import ConfigError

Model = TypeVar("Model", bound=BaseModel)


def read_config(path: Path, model: type[Model]) -> Model:
    """The file's content, checked against ``model``.

    A validator may say the cure itself: ``ValueError("what is wrong; what would be right")``; it
    finds the file's folder in ``info.context["folder"]``.

    Raises:
        ConfigError: The file is missing, is no TOML, or a key is wrong; the first problem is named.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            path, "", f"can't be read ({error.strerror})", "give an existing file"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(path, "", "is not UTF-8 text", "save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(path, "", f"is not TOML: {error}", "correct that place") from error
    try:
        return model.model_validate(content, context={"folder": path.absolute().parent})
    except ValidationError as error:
        raise _first_problem(path, model, error) from error


def _first_problem(path: Path, model: type[BaseModel], error: ValidationError) -> ConfigError:
    problems = error.errors(include_url=False)
    problem = problems[0]
    location = problem["loc"]
    key = ".".join(str(part) for part in location if part != "[key]")  # pydantic's mark of one
    if problem["type"] == "extra_forbidden":
        known = _keys(model, location[:-1])
        close = difflib.get_close_matches(str(location[-1]), known, n=1)
        cure = f"did you mean {close[0]!r}?" if close else f"known keys: {', '.join(known)}"
        return ConfigError(path, key, "is not a key we know", cure)
    if problem["type"] == "missing":
        unknown = [
            str(other["loc"][-1])
            for other in problems
            if other["type"] == "extra_forbidden" and other["loc"][:-1] == location[:-1]
        ]
        close = difflib.get_close_matches(str(location[-1]), unknown, n=1)
        cure = f"{close[0]!r} should be it" if close else "add it"
        return ConfigError(path, key, "is missing", cure)
    if problem["type"] == "value_error":
        what, _, cure = str(problem["ctx"]["error"]).partition("; ")
        return ConfigError(path, key, what, cure or "correct it")
    if problem["type"] == "model_type":
        return ConfigError(path, key, "is not a table", f"write it as [{key}] with keys below it")
    right = _RIGHT.get(problem["type"], problem["msg"][0].lower() + problem["msg"][1:])
    return ConfigError(
        path,
        key,
        f"{reprlib.repr(problem['input'])} won't do",
        right.format(**problem.get("ctx", {})),
    )


_RIGHT = {
    "string_type": 'write text in "quotes"',
    "int_type": "write a whole number",
    "float_type": "write a number",
    "finite_number": "write a number",
    "bool_type": "write true or false",
    "tuple_type": "write a [list]",
    "list_type": "write a [list]",
    "enum": "write {expected}",
    "literal_error": "write {expected}",
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "too_short": "must have at least {min_length}, has {actual_length}",
    "too_long": "must have at most {max_length}, has {actual_length}",
}
"""What would be right, by pydantic's name of the problem."""


def _keys(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Keys that are known at ``location`` in ``model``."""
    current: type[BaseModel] | None = model
    for part in location:
        if isinstance(part, int):  # a place in a list of tables
            continue
        field = current.model_fields.get(str(part)) if current else None
        current = next(iter(tables_of(field.annotation)), None) if field else None
    return [field.alias or name for name, field in current.model_fields.items()] if current else []


def tables_of(annotation: object) -> tuple[type[BaseModel], ...]:
    """The models in an annotation like ``Model`` or ``Model | None``."""
    return tuple(
        part
        for part in (annotation, *get_args(annotation))
        if isinstance(part, type) and issubclass(part, BaseModel)
    )
