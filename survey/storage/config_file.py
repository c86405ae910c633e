"""A TOML file that a person wrote, read into a checked record, or one clear line about why not."""

import difflib
import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from survey.errors import ConfigError

Model = TypeVar("Model", bound=BaseModel)


def read_config(path: Path, model: type[Model]) -> Model:
    """The file's content, checked against ``model``.

    A validator may say the cure itself: ``ValueError("what is wrong; what would be right")``.

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
        return model.model_validate(content)
    except ValidationError as error:
        raise _first_problem(path, model, error) from error


def _first_problem(path: Path, model: type[BaseModel], error: ValidationError) -> ConfigError:
    problem = error.errors(include_url=False)[0]
    location = [str(part) for part in problem["loc"]]
    key = ".".join(location)
    if problem["type"] == "extra_forbidden":
        known = _keys(model, location[:-1])
        close = difflib.get_close_matches(location[-1], known, n=1)
        cure = f"did you mean {close[0]!r}?" if close else f"known keys: {', '.join(known)}"
        return ConfigError(path, key, "is not a key we know", cure)
    if problem["type"] == "missing":
        return ConfigError(path, key, "is missing", "add it (docs/campaign.md)")
    if problem["type"] == "value_error":
        what, _, cure = str(problem["ctx"]["error"]).partition("; ")
        return ConfigError(path, key, what, cure or "correct it")
    message = problem["msg"][0].lower() + problem["msg"][1:]
    return ConfigError(path, key, f"{problem['input']!r} won't do", message)


def _keys(model: type[BaseModel], location: list[str]) -> list[str]:
    """Keys that are known at ``location`` in ``model``."""
    current: object = model
    for part in location:
        if not (isinstance(current, type) and issubclass(current, BaseModel)):
            return []
        field = current.model_fields.get(part)
        current = field.annotation if field else None
    if isinstance(current, type) and issubclass(current, BaseModel):
        return [field.alias or name for name, field in current.model_fields.items()]
    return []
