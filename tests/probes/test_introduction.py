"""What an HTTP proxy is told about us."""

from dataclasses import replace

from survey.model.plan import Identity
from survey.probes.introduction import agent

IDENTITY = Identity(
    "Example Survey", "survey@survey.example", "https://survey.example/why", "p.example", ()
)


def test_the_agent_names_the_page_and_the_contact() -> None:
    """Whoever reads the proxy's log finds us."""
    assert (
        agent(IDENTITY) == "secure-your-server (+https://survey.example/why; survey@survey.example)"
    )


def test_no_text_of_ours_breaks_the_header() -> None:
    """Line breaks and foreign letters become question marks."""
    odd = replace(IDENTITY, contact="ü@survey.example\r\nX: y")
    assert agent(odd) == "secure-your-server (+https://survey.example/why; ?@survey.example??X: y)"
