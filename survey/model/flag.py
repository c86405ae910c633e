"""What a reader of a finding should know beside its verdict; a flag never changes the verdict."""

from enum import StrEnum


class Flag(StrEnum):
    """Side labels of a finding."""

    EXIT_DIFFERS = "exit_differs"
    """It came out at our canary from another address than the tested one."""
    DELAYED = "delayed"
    """Its message arrived more than a minute after the conversation."""
    SINK_SUSPECT = "sink_suspect"
    """It took a message, and nothing has arrived: it may discard what it takes."""
    HONEYPOT_SUSPECT = "honeypot_suspect"
    """It took mail for nobody (C2), or refused us and took mail for a domain that can't exist (C1):
    it may take everything so as to watch us."""
    FLAKY = "flaky"
    """The same test was proven at one attempt and not at another."""
    TCP_WILDCARD = "tcp_wildcard"
    """Three or more ports of its address accepted us and none said a word: a box that answers
    for everything."""
