"""The command ``survey`` itself: global options, exit codes, and the list of commands.

Exit codes: 0 done, 1 failed, 2 wrong usage or campaign, 3 stopped before the end (can be resumed).
"""

import importlib
from typing import Any

import click

from survey.cli.screen import say
from survey.errors import ConfigError, StoppedError, SurveyError
from survey.settings import Settings, read_settings

# command: (module, what it does).  Modules are imported when they are called, so that
# `survey findings` need not load Dask.
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("demo", "The whole loop on the lab, measured against its truth."),
    "plan": ("scanning", "Check a campaign, freeze its next run, say what it means."),
    "identity": ("identity", "Make what says who we are, and check that it is served."),
    "scan": ("scanning", "Run a campaign, or resume its unfinished run."),
    "status": ("scanning", "How far a run is."),
    "stop": ("control", "Stop a running scan; it can be resumed."),
    "pause": ("control", "Send nothing new until `survey rate` says go on."),
    "rate": ("control", "Lower the rate of a running scan, or bring it back up to the cap."),
    "retest": ("retest", "Make the later tests that are due, or test one address again."),
    "explain": ("explain", "What we did to an address, and when."),
    "optout": ("optout", "The organisation's opt-out log."),
    "keys": ("keys", "The secret keys of this installation."),
    "canary": ("canary", "Run the MX and the echo host."),
    "controls": ("controls", "Run the servers that show whether a worker's path is honest."),
    "findings": ("tables", "The verdicts of a run."),
    "episodes": ("episodes", "What became of each exposure: new, fixed, regressed, lost."),
    "effect": ("effect", "Did the letters help: those told beside those held out by lot."),
    "exposure": ("tables", "Findings counted per country, network or software."),
    "sql": ("tables", "Ask the tables in SQL, read-only."),
    "listings": ("listings", "What public databases say: their files, and DNSBLs over DNS."),
    "registry": ("registry", "Snapshots of country, network and contact data."),
    "agencies": ("agencies", "Who takes part, and who sees the same."),
    "report": ("reports", "An agency's report on its own jurisdiction."),
    "contacts": ("contacts", "Whom a letter about an address goes to, and who gets none."),
    "notify": ("notify", "Letters to operators."),
    "case": ("case", "One case with its findings, letters and history."),
    "portal": ("portal", "The agencies' portal, and its keys."),
    "site": ("site", "The operators' site: who we are, how to close it, how to opt out."),
    "sync": (
        "sharing",
        "Bring this machine's copy of --data s3://... up to date, and put what is new.",
    ),
    "purge": ("purging", "Take away what is past its period, and what is to be forgotten."),
    "lab": ("lab", "A whole internet on 127.0.0.0/8, to practise on."),
}


WITHOUT_TABLES = {"canary", "controls", "demo", "keys", "lab", "optout", "sync"}
"""Commands that need nothing of what others wrote at a URL, or fetch it themselves."""


class FailedError(click.ClickException):
    """Ends the command with one line on stderr and an exit code."""

    def __init__(self, error: SurveyError) -> None:
        super().__init__(str(error))

    def show(self, file: Any = None) -> None:  # noqa: ARG002 - click's signature
        """Print the one line."""
        say(f"survey: {self.message}")


_TABLE_LIBRARIES = {"duckdb", "_duckdb", "pyarrow"}
"""Whose errors say that a table can't be read; looked at by name, since loading them takes time."""


class WrongUsageError(FailedError):
    """A file or option of a person's is wrong."""

    exit_code = 2


class StoppedEarlyError(FailedError):
    """Stopped before the end; it can be resumed."""

    exit_code = 3


class Commands(click.Group):
    """Loads a command's module when it is called; turns our errors into exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """All commands, in the order of the work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of that name."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"survey.cli.{COMMANDS[cmd_name][0]}")
        command = getattr(module, cmd_name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List them without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an error of ours becomes one line and its exit code."""
        try:
            return super().invoke(ctx)
        except ConfigError as error:
            raise WrongUsageError(error) from error
        except StoppedError as error:
            raise StoppedEarlyError(error) from error
        except SurveyError as error:
            raise FailedError(error) from error
        except Exception as error:
            if (told := _damage(ctx, error)) is None:
                raise
            raise FailedError(told) from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="survey")
@click.option(
    "--data",
    metavar="DIR|URL",
    help="Root of the tables (SURVEY_DATA, default ./data); or s3://bucket/prefix.",
)
@click.option("--keys", metavar="DIR", help="Folder of secret keys (SURVEY_KEYS, default ./keys).")
@click.option(
    "--agencies",
    metavar="DIR",
    help="Folder of agency files (SURVEY_AGENCIES, default ./agencies).",
)
@click.pass_context
def main(ctx: click.Context, data: str | None, keys: str | None, agencies: str | None) -> None:
    """Survey open mail relays and open proxies politely, and help to close them."""
    settings = ctx.obj = read_settings(data, keys, agencies)
    if settings.url and ctx.invoked_subcommand not in WITHOUT_TABLES:
        sharing = importlib.import_module("survey.flows.sharing")
        sharing.fetch(settings)


def _damage(ctx: click.Context, error: Exception) -> SurveyError | None:
    """What a library's error about a table means, if one is damaged."""
    settings = ctx.find_object(Settings)
    if settings is None or type(error).__module__.split(".")[0] not in _TABLE_LIBRARIES:
        return None
    damage = importlib.import_module("survey.storage.damage")
    layout = importlib.import_module("survey.storage.layout")
    told: SurveyError | None = damage.damaged_table(layout.Layout(settings.data))
    return told


def settings_of(ctx: click.Context) -> Settings:
    """The settings that the global options made."""
    settings = ctx.find_object(Settings)
    assert settings is not None
    return settings
