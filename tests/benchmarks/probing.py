"""Many targets put through one probe, as a scan does it: gate, pacer, event loop, evidence."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq

from survey.engine.event_loop import new_event_loop
from survey.engine.neighbourhoods import Neighbourhoods
from survey.engine.pacing import Pacer
from survey.model.observation import Observation
from survey.model.plan import Plan
from survey.model.probe import Probe
from survey.probes.context import Context
from survey.probes.dialer import Dialer
from survey.probes.messages import Messages
from survey.probes.names import NoNames
from survey.probes.registry import PROBES
from survey.storage.shard_file import rows
from survey.targets.gate import Gate

KEY = bytes(32)
AT_ONCE = 500


def probe_all(
    plan: Plan, probe: Probe, folder: Path, note: Callable[[int], None] | None = None
) -> list[Observation]:
    """Test each address of the plan's first range on its first port; what was seen.

    Args:
        plan: Whom to test.
        probe: How.
        folder: Where the observations are written to.
        note: Called before each message leaves.
    """
    observations: list[Observation] = []
    port = plan.ports[0]
    targets = iter(range(plan.ranges[0].start, plan.ranges[0].end + 1))

    async def one_after_another(context: Context) -> None:
        for ip in targets:
            observations.extend(await PROBES[probe].run(ip, port, context))

    async def scan() -> None:
        gate = Gate.open(plan, lambda: True)
        pacer = Pacer(
            plan.rate.packets_per_second, Neighbourhoods(plan.rate.per_24_per_second, 1, 0)
        )
        dialer = Dialer(gate, pacer)
        context = Context(
            plan.campaign,
            plan.run,
            KEY,
            plan.identity,
            plan.canary,
            dialer,
            NoNames(),
            0,
            lambda: True,
            messages=Messages(note=note),
        )
        async with asyncio.TaskGroup() as tasks:
            for _ in range(AT_ONCE):
                tasks.create_task(one_after_another(context))
        dialer.close()

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(scan())
    pq.write_table(rows(plan.run, 0, observations), folder / "observations.parquet")
    return observations
