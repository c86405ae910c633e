"""Bounds in one place."""

from survey.canary.limits import Limits


def test_connections_fit_into_the_open_files() -> None:
    """Listeners, log and standard streams have room left."""
    small = Limits().within(1024)

    assert small.echo_connections + small.web_connections + small.mail_connections < 1000
    assert Limits().within(1_048_576) == Limits()


def test_one_host_may_take_every_place_in_a_lab() -> None:
    """There, every peer is the same host."""
    alone = Limits().within(1024).alone()

    assert alone.echo_per_peer == alone.echo_connections == 512
    assert alone.web_per_peer == alone.web_connections == 256
    assert alone.mail_per_peer == alone.mail_connections == 128
