"""The letters of a history: cases, their lots, and the tables of who was told and what is true."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256

import numpy as np
import pyarrow as pa

from survey.lab.geography import COUNTRIES
from survey.lab.history import truth
from survey.lab.history.mailing import Mailing, choose, day_of_letter
from survey.lab.history.scale import START, Scale
from survey.lab.history.servers import PORTS, Flags, Numbers, Stands
from survey.lab.history.territory import Territory
from survey.model.agency import Agency
from survey.model.case import case_number
from survey.model.episode import ExposureKind, Told
from survey.model.experiment import MOST_DAYS, Draw
from survey.model.plan import Plan
from survey.notify.experiment import draw
from survey.storage.told import TOLD


def signed(scale: Scale) -> str:
    """The experiment that every agency of a history has signed, as its file has it."""
    return f"""
[experiment]
reference = "lab history"
reason = "whether letters close servers"
signed_by = "the lab"
signed_on = {START:%Y-%m-%d}
share = {scale.held_out}
days = {scale.waits or MOST_DAYS}
media = ["text", "pdf"]
wordings = ["findings_first", "steps_first"]
"""


def key_of_lots(scale: Scale) -> bytes:
    """By which lots are drawn: the same seed draws the same ones, so it is no secret here."""
    return sha256(f"lots of {scale.seed}".encode()).digest()


class Letters:
    """All letters of a history as it grows from week to week."""

    def __init__(
        self, scale: Scale, territory: Territory, stands: Stands, agencies: Sequence[Agency]
    ) -> None:
        self._scale, self._territory, self._stands = scale, territory, stands
        self._agencies = agencies
        self._rng = np.random.default_rng([6, *scale.seed.encode()])
        self._key = key_of_lots(scale)
        self._answers = _agency_of_ranges(territory, agencies)
        self._cases = 0
        self._truth: list[pa.Table] = []
        self._told: list[dict[str, object]] = []

    def write(self, plan: Plan, proven: Numbers, day: float) -> tuple[Told, ...]:
        """Draw lots for cases of what was proven, and tell who is told; what is tested after it.

        Those who wait are tested on the same days as those who are told.
        """
        ranges = self._territory.range_of(self._stands.ip[proven])
        agency = self._answers[ranges]
        known = agency >= 0  # no letter without an agency
        groups = self._territory.owners[ranges] * len(self._agencies) + agency
        mailing = choose(self._rng, self._stands, proven[known], groups[known], day, self._scale)
        at = START + timedelta(days=day)
        numbers = [case_number(at.year, self._cases + one + 1) for one in range(mailing.cases)]
        self._cases += mailing.cases
        draws = []
        for number, name in enumerate(numbers):
            first = mailing.stand[np.argmax(mailing.case == number)]
            where = self._territory.range_of(self._stands.ip[[first]])
            whose = self._agencies[int(self._answers[where][0])]
            drawn = draw(self._key, whose, plan.campaign, name, at)
            draws.append(drawn if self._scale.waits else replace(drawn, until=None))
            mine = np.flatnonzero(mailing.case == number).tolist()
            self._told += [
                self._told_row(plan, whose, name, draws[-1], mailing, one, day) for one in mine
            ]
        reacts = mailing.deliver(self._stands, draws, day)
        self._truth.append(self._true_rows(plan, numbers, draws, mailing, reacts, at))
        return tuple(
            Told(int(self._stands.ip[one]), PORTS[service], _kind(service), at)
            for one, service in zip(
                mailing.stand.tolist(), self._stands.service[mailing.stand].tolist(), strict=True
            )
        )

    def told(self) -> pa.Table:
        """Who was told and who was held out, as the survey writes it down."""
        return pa.Table.from_pylist(self._told, TOLD).sort_by(
            [(name, "ascending") for name in ("case", "ip", "port")]
        )

    def true(self) -> pa.Table:
        """What a letter changes for each of them; schema ``truth.LETTERS``."""
        return pa.concat_tables([truth.LETTERS.empty_table(), *self._truth])

    def _told_row(  # noqa: PLR0917 - one row is of all of them
        self,
        plan: Plan,
        agency: Agency,
        number: str,
        drawn: Draw,
        mailing: Mailing,
        place: int,
        day: float,
    ) -> dict[str, object]:
        arrives = day_of_letter(drawn, day)
        over = arrives >= 7.0 * self._scale.weeks
        sent_at = None if over else START + timedelta(days=arrives)
        stand, bounced = mailing.stand[place], bool(mailing.bounces[place])
        return {
            "campaign": plan.campaign,
            "ip": int(self._stands.ip[stand]),
            "port": PORTS[self._stands.service[stand]],
            "kind": _kind(int(self._stands.service[stand])).value,
            "started_at": drawn.drawn_at,
            "label": drawn.group.value,
            "case": number,
            "agency": agency.id,
            "experiment": drawn.experiment,
            "drawn_at": drawn.drawn_at,
            "until": drawn.until,
            "language": drawn.language,
            "medium": drawn.medium.value,
            "wording": drawn.wording.value,
            "sent_at": sent_at,
            "delivered": None if sent_at is None else not bounced,
            "bounced": None if sent_at is None else bounced,
        }

    def _true_rows(  # noqa: PLR0917 - one row is of all of them
        self,
        plan: Plan,
        numbers: Sequence[str],
        draws: Sequence[Draw],
        mailing: Mailing,
        reacts: Flags,
        at: datetime,
    ) -> pa.Table:
        stands = self._stands
        rows = []
        for place, (stand, case) in enumerate(
            zip(mailing.stand.tolist(), mailing.case.tolist(), strict=True)
        ):
            alone = float(mailing.alone[place])
            rows.append(
                {
                    "campaign": plan.campaign,
                    "run": plan.run,
                    "ip": int(stands.ip[stand]),
                    "port": PORTS[stands.service[stand]],
                    "kind": _kind(int(stands.service[stand])).value,
                    "started_at": at,
                    "label": draws[case].group.value,
                    "reacts": bool(reacts[place]),
                    "case": numbers[case],
                    "medium": draws[case].medium.value,
                    "until": draws[case].until,
                    "bounces": bool(mailing.bounces[place]),
                    "closes_alone_at": START + timedelta(days=alone)
                    if np.isfinite(alone)
                    else None,
                    "seen_alone": bool(mailing.seen[place]),
                    "reacts_after": float(mailing.after[place]),
                    "reacts_to_text": bool(mailing.to_text[place]),
                    "reacts_to_pdf": bool(mailing.to_pdf[place]),
                }
            )
        return pa.Table.from_pylist(rows, truth.LETTERS)


def _kind(service: int) -> ExposureKind:
    return ExposureKind(truth.kind_of(service))


def _agency_of_ranges(territory: Territory, agencies: Sequence[Agency]) -> Numbers:
    """The closest agency of each range, as a place among them; -1 for none."""
    found: dict[tuple[int, int], int] = {}
    for owner, country in set(
        zip(territory.owners.tolist(), territory.countries.tolist(), strict=True)
    ):
        if owner < 0:
            found[owner, country] = -1
            continue
        code = COUNTRIES[country].code if country >= 0 else ""
        asn = territory.networks[owner].asn
        near = [one.jurisdiction.closeness(0, code, asn) for one in agencies]
        best = int(np.argmax(near)) if near else -1
        found[owner, country] = best if near and near[best] else -1
    return np.array(
        [
            found[pair]
            for pair in zip(territory.owners.tolist(), territory.countries.tolist(), strict=True)
        ],
        dtype=np.int64,
    )
