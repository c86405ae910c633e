"""A moment by the clocks of a country, for a reader who looks into logs kept in local time."""

from datetime import datetime
from zoneinfo import ZoneInfo

from babel import Locale
from babel.core import get_global

from survey.notify.wrapping import columns

_MAIN = {
    "CL": "America/Santiago",
    "CN": "Asia/Shanghai",
    "DE": "Europe/Berlin",
    "EC": "America/Guayaquil",
    "ES": "Europe/Madrid",
    "MH": "Pacific/Majuro",
    "MY": "Asia/Kuala_Lumpur",
    "NZ": "Pacific/Auckland",
    "PT": "Europe/Lisbon",
    "UA": "Europe/Kyiv",
    "UZ": "Asia/Tashkent",
}
"""Countries of several zones of which one is called simply the country's (CLDR, primaryZone)."""

_LOCALES = {"pt": "pt-PT"}
"""CLDR's plain ``pt`` is Brazil's, our letters are in Portugal's."""

_WIDEST = 13
"""Columns of a city's name; with a longer one the row of a letter would be too wide."""


def local_time(moment: datetime, country: str, language: str) -> str:
    """Time of day and the city whose clocks show it, with the day if that is another one.

    Args:
        moment: With its zone.
        country: ISO 3166-1 alpha-2, or "".
        language: In which the city is named (BCP 47).

    Returns:
        Such as ``07:30:09 Madrid``, ``07:30:09 UTC+1`` where the name is long, ``11-25 04:30:09
        UTC+8`` on another day: a row of a letter stays narrow. "" where a country has several
        times, or none is known.
    """
    zone = _zone(country)
    if not zone:
        return ""
    there = moment.astimezone(ZoneInfo(zone))
    date = "" if there.date() == moment.date() else "%m-%d "
    city = _city(zone, Locale.parse(_LOCALES.get(language, language), sep="-"))
    place = city if not date and columns(city) <= _WIDEST else _offset(there)
    return there.strftime(f"{date}%H:%M:%S ") + place


def _zone(country: str) -> str:
    """The country's one zone, or its main one; "" if there is none."""
    zones = get_global("territory_zones").get(country, [])
    return _MAIN.get(country) or (zones[0] if len(zones) == 1 else "")


def _city(zone: str, locale: Locale) -> str:
    """The city that the zone is named after; CLDR keeps some by a name that the zone had before."""
    before = (old for old, new in get_global("zone_aliases").items() if new == zone)
    known = (locale.time_zones.get(name, {}).get("city") for name in (zone, *before))
    return next(filter(None, known), zone.rpartition("/")[2].replace("_", " "))


def _offset(moment: datetime) -> str:
    sign, hours, minutes = (text := moment.strftime("%z"))[0], int(text[1:3]), text[3:]
    return f"UTC{sign}{hours}" + ("" if minutes == "00" else f":{minutes}")
