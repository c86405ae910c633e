"""How we introduce ourselves to an HTTP proxy."""

from collections.abc import Callable

from survey.model.plan import Endpoint, Identity
from survey.protocols.dialogue import Dialogue


def agent(identity: Identity) -> str:
    """What we call ourselves: the survey, where it is explained, and whom to write to."""
    text = f"secure-your-server (+{identity.page}; {identity.contact})"
    return "".join(each if " " <= each <= "~" else "?" for each in text)


def introduced(
    dialogue: Callable[[Endpoint, str, str], Dialogue], identity: Identity
) -> Callable[[Endpoint, str], Dialogue]:
    """A dialogue of (endpoint, agent, token) that knows its agent."""
    name = agent(identity)
    return lambda to, token: dialogue(to, name, token)
