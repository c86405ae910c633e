"""What we did wrong, as exceptions; what the network did is never one (see ``model.failure``)."""


class SurveyError(Exception):
    """Base of every error that the survey raises on purpose; its text is one line for a person."""


class ConfigError(SurveyError, ValueError):
    """A file or option that a person wrote is wrong.

    The text names the file, the key, what is wrong and what would be right.  The CLI exits with 2.
    """

    def __init__(self, source: object, key: str, problem: str, cure: str) -> None:
        super().__init__(
            f"{source}: {key}: {problem}; {cure}" if key else f"{source}: {problem}; {cure}"
        )
        self.source = str(source)
        self.key = key
        self.problem = problem
        self.cure = cure

    def __reduce__(self) -> tuple[type["ConfigError"], tuple[str, str, str, str]]:
        """Four words again, so that it can come back from a worker."""
        return type(self), (self.source, self.key, self.problem, self.cure)


class GateClosedError(SurveyError):
    """The gate can't know who may be tested (opt-out log missing, lease lost): nothing is sent."""


class StoppedError(SurveyError):
    """The work was stopped before its end and can be resumed.  The CLI exits with 3."""


class StorageError(SurveyError):
    """A table is missing, damaged, or can't be written."""


class BusyError(SurveyError):
    """Another coordinator holds this data directory."""


class MessageError(SurveyError, ValueError):
    """A message can't be built, or has nobody to go to."""


class PathError(SurveyError):
    """A worker's path to the internet is not honest: a control of ours answered wrongly."""


class LocalError(SurveyError):
    """This machine can't send as asked (file descriptors, ports, source addresses, firewall)."""
