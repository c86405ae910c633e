"""Which languages the report's words are written in."""

from importlib.resources import files


def written() -> tuple[str, ...]:
    """Languages with a whole words file, sorted (BCP 47)."""
    folder = files(__package__) / "words"
    return tuple(sorted(path.name.removesuffix(".html") for path in folder.iterdir()))
