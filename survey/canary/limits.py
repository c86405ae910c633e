"""Every bound of the canary in one place; its ports are open to the whole internet (law 9)."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of us a stranger can use.

    Attributes:
        echo_connections: Connections to the echo host at once.
        echo_per_peer: Of those, from one address.  A proxy may carry many of our tests at once.
        echo_seconds: Life span of a connection to it.
        web_connections: Connections to the web host at once.
        web_per_peer: Of those, from one address.
        web_seconds: Life span of a connection to it.
        head_bytes: Bytes of a request to the web host.
        mail_connections: Connections to the MX at once.
        mail_per_peer: Of those, from one address.
        mail_seconds: Life span of a connection to it.
        mail_idle_seconds: Time for the next command, and for a whole message after DATA.
        message_bytes: Longest message; ours have about 2 kB.
        recipients: Recipients of one message.
        replies: Replies of ours in one connection, so commands too.
        session_bytes: Bytes of one connection to the MX.
        words: Lines of one connection to the echo host.
        word_bytes: Bytes of one connection to the echo host.
        farewell_seconds: How long a stopping canary waits for conversations to end.
        sweep_seconds: How often connections past their time are looked for.
    """

    echo_connections: int = 8_000
    echo_per_peer: int = 2_000
    echo_seconds: float = 60.0
    web_connections: int = 4_000
    web_per_peer: int = 1_000
    web_seconds: float = 60.0
    head_bytes: int = 16_384
    mail_connections: int = 1_000
    mail_per_peer: int = 200
    mail_seconds: float = 300.0
    mail_idle_seconds: float = 60.0
    message_bytes: int = 262_144
    recipients: int = 20
    replies: int = 200
    session_bytes: int = 2_097_152
    words: int = 64
    word_bytes: int = 8_192
    farewell_seconds: float = 5.0
    sweep_seconds: float = 1.0

    def alone(self) -> "Limits":
        """These bounds where every peer is the same host, as in a lab."""
        return replace(
            self,
            echo_per_peer=self.echo_connections,
            web_per_peer=self.web_connections,
            mail_per_peer=self.mail_connections,
        )

    def within(self, files: int) -> "Limits":
        """These bounds for a process that may have so many open files."""
        return replace(
            self,
            echo_connections=min(self.echo_connections, files // 2),
            web_connections=min(self.web_connections, files // 4),
            mail_connections=min(self.mail_connections, files // 8),
        )
