"""Who is where on loopback while real servers are tested."""

CANARY = "127.0.20.1"
"""Our canary's address, the smarthost of every mail server here."""
CANARY_SMTP = 25
"""Its MX: what a spammer wants to reach."""
CANARY_ECHO = 443
"""Its echo host: a proxy grants no port more often."""
CANARY_WEB = 80
"""Its web host."""
PROBER = "127.0.20.2"
"""Where the probes come from: a stranger, unlike 127.0.0.1, which mail servers trust."""
PROBER_NAME = "prober.example"
SITE = "127.0.20.3"
"""A web site at port 80: what nmap asks for, and what stands behind the reverse proxies."""
SITE_NAME = "site.example"
RESOLVER = "127.0.20.4"
"""A name server at port 53 that knows the site's name and nothing else."""
SITE_WORD = "thefarend"
"""What the site says."""
