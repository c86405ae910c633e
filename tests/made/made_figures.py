"""One agency's invented figures for every test of the reports."""

import math
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from survey.model.agency import Agency, Jurisdiction
from survey.model.exposure import NetworkExposure, ProbeExposure
from survey.model.miss_rate import MissRate
from survey.model.period import parse_period
from survey.model.probe import Probe
from survey.reports.figures import (
    Arm,
    Closure,
    Coverage,
    Effect,
    Figures,
    Flow,
    Movement,
    Place,
    Program,
    Source,
    Standing,
    Trial,
)


def make_agency(name: str = "Agencia Ejemplar de Correo Limpio") -> Agency:
    """An agency that answers for Spain."""
    return Agency(
        id="es-ejemplar",
        name=name,
        country="ES",
        languages=("es", "en"),
        jurisdiction=Jurisdiction(frozenset({"ES"}), frozenset(), (), ()),
        contact="contacto@agencia-es.example",
        page="https://agencia-es.example/servidor",
        tlp="TLP:AMBER",
    )


def make_network(
    asn: int | None,
    name: str,
    *,
    relays: int = 0,
    proxies: int = 0,
    suspected: int = 0,
    tested: int = 4096,
) -> NetworkExposure:
    """A network where no server is both relay and proxy."""
    return NetworkExposure(
        asn=asn,
        name=name,
        open=relays + proxies,
        relays=relays,
        proxies=proxies,
        suspected=suspected,
        answering=3 * (relays + proxies + suspected) + tested // 100,
        tested=tested,
    )


NETWORKS = (
    make_network(64500, "Altamar Broadband", relays=34, proxies=41, suspected=12, tested=65_536),
    make_network(64507, "Cierzo Hosting", relays=12, proxies=38, suspected=7, tested=8_192),
    make_network(
        64511, "Universidad Ficticia del Norte", relays=11, proxies=6, suspected=3, tested=16_384
    ),
    make_network(64503, "Lumbre Mobile", relays=0, proxies=9, suspected=1, tested=32_768),
    make_network(65551, "Zarzal Industries", relays=4, proxies=2, suspected=0, tested=2_048),
    make_network(None, "", relays=1, proxies=1, suspected=0, tested=512),
    make_network(64499, "Ribera Public Services", relays=1, proxies=0, suspected=2, tested=1_024),
    make_network(64498, "Nogal Hosting", relays=0, proxies=0, suspected=2, tested=1_024),
    make_network(64497, "Islote University", relays=0, proxies=0, suspected=0, tested=4_096),
)


def make_trend(now: Standing, runs: int = 52) -> tuple[Standing, ...]:
    """A year of weekly runs with ups and downs that ends with this one."""
    earlier = (
        Standing(
            run=f"earlier-{weeks}",
            at=now.at - timedelta(weeks=weeks),
            open=now.open + weeks + round(6 * math.sin(weeks / 3)) + 9,
            relays=now.relays + weeks // 2 + 4,
            proxies=now.proxies + weeks // 2 + 5,
        )
        for weeks in range(runs - 1, 0, -1)
    )
    return (*earlier, now)


MOVEMENTS = (
    Movement(64507, "Cierzo Hosting", 63, 50),
    Movement(64511, "Universidad Ficticia del Norte", 21, 17),
    Movement(65551, "Zarzal Industries", 5, 6),
    Movement(64503, "Lumbre Mobile", 2, 9),
)

CLOSURES = tuple(
    Closure(
        told=told,
        exposures=exposures,
        closed=round(exposures * 0.7),
        median=median,
        median_least=median - 2.5,
        shares=tuple(1 - 0.5 ** (days / median) for days in (7, 14, 30, 90)),
        month=(0.9 - 0.5 ** (30 / median), 1.1 - 0.5 ** (30 / median)),
        curve=tuple((float(day), 0.5 ** (day / median)) for day in range(91)),
    )
    for told, exposures, median in ((None, 412, 21.0), (True, 266, 13.5), (False, 146, 44.0))
)


EFFECT = Effect(
    14,
    (
        Trial(
            "letter",
            (
                Arm(
                    *("told", 210, 188, 16, 201),
                    (0.31, 0.44, 0.52, 0.66),
                    (
                        (0.24, 0.14, 0.33),
                        (0.3, 0.18, 0.4),
                        (0.05, -0.07, 0.17),
                        (0.01, -0.11, 0.13),
                    ),
                ),
                Arm("held_out", 92, 80, 7, 88, (0.07, 0.14, 0.47, 0.65)),
            ),
            0.0001,
        ),
        Trial(
            "medium",
            (
                Arm(
                    *("pdf", 102, 92, 8, 98),
                    (0.35, 0.5, 0.58, 0.7),
                    ((0.08, -0.05, 0.2), (0.12, -0.02, 0.25), (0.12, -0.02, 0.25), None),
                ),
                Arm("text", 108, 96, 8, 103, (0.27, 0.38, 0.46, None)),
            ),
        ),
        Trial(
            "language",
            (
                Arm(
                    "en",
                    100,
                    88,
                    8,
                    96,
                    (0.3, 0.4, 0.5, None),
                    (None, None, (0.0, -0.1, 0.1), None),
                ),
                Arm("operator", 110, 100, 8, 105, (0.3, 0.4, 0.5, None)),
            ),
        ),
    ),
)
"""Letters that work."""


def make_figures(
    networks: tuple[NetworkExposure, ...] = NETWORKS, agency: Agency | None = None
) -> Figures:
    """Whole figures that add up."""
    networks = tuple(sorted(networks, key=lambda line: -line.open))
    total = sum(line.open for line in networks)
    suspected = sum(line.suspected for line in networks)
    relays = sum(line.relays for line in networks)
    ended = datetime(2026, 11, 25, 17, 48, tzinfo=UTC)
    standing = Standing("2026-W48", ended, total, relays, total - relays)
    return Figures(
        agency=agency or make_agency(),
        campaign="lab",
        run="2026-W48",
        period=parse_period("2026-W48"),
        zone=ZoneInfo("UTC"),
        operator="Secure Your Server measurement team",
        contact="desk@survey.example",
        page="https://survey.example",
        open=total,
        relays=relays,
        proxies=total - relays,
        suspected=suspected,
        answering=sum(line.answering for line in networks),
        tested=sum(line.tested for line in networks),
        networks=networks,
        probes=(
            ProbeExposure(Probe.SMTP_RELAY, (25,), relays, suspected // 2, 14 * relays),
            ProbeExposure(
                Probe.HTTP_CONNECT, (3128, 8080), (total - relays) // 2, suspected // 3, 9 * total
            ),
            ProbeExposure(Probe.SOCKS4, (1080,), (total - relays) // 4, 0, total),
            ProbeExposure(Probe.SOCKS4A, (1080,), (total - relays) // 5, 0, total),
            ProbeExposure(Probe.SOCKS5, (1080,), (total - relays) // 3, suspected // 4, 2 * total),
        ),
        rungs=(0, 412, 1880, suspected, suspected // 3, total // 4, total, 0),
        trend=make_trend(standing),
        compared=make_trend(standing)[-2],
        movements=MOVEMENTS,
        flow=Flow("2026-W47", 171, 24, 6, 29, 3, 169, 150),
        closures=CLOSURES,
        effect=EFFECT,
        programs=(
            Program("postfix", total // 3),
            Program("squid", total // 4),
            Program("exchange", total // 9),
            Program("", total // 10),
        ),
        places=(Place("ES", total, sum(line.tested for line in networks)),),
        coverage=Coverage(
            shards=64,
            committed=64,
            planned=1_048_576,
            sent=1_047_808,
            excluded=512,
            opted_out=256,
            accepted=21_877,
            refused=940_114,
            silent=85_301,
            unreachable=516,
            excluded_addresses=1_024,
            started_at=datetime(2026, 11, 24, 6, 12, tzinfo=UTC),
            finished_at=ended,
            again=MissRate(1_048, 22, 1, 0.0081, 0.2180),
        ),
        sources=(
            Source("country", "2026-11-20-lab", "Made by the lab; says nothing about any country"),
            Source("network", "2026-11-20-lab", "Made by the lab; every name is invented"),
        ),
        plan_hash="9f2c41d7" * 8,
        hosts_file="open_servers-es-ejemplar-2026-W48-TLP_AMBER.csv",
        version="0.1.0",
        generated_at=datetime(2026, 11, 26, 8, 30, tzinfo=UTC),
    )
