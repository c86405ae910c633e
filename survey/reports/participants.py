"""The list of participating agencies, generated from their files: who stands behind a letter.

Only what an agency says in public is in it: name, country, page, mailbox; no jurisdiction in
numbers, no person, no delivery.
"""

import html
import json
from collections.abc import Sequence
from datetime import datetime

from babel import Locale

from survey.model.agency import Agency

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Participating agencies</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: auto; padding: 1rem }}
table {{ border-collapse: collapse; width: 100% }}
th, td {{ text-align: start; padding: .4rem; border-bottom: 1px solid; overflow-wrap: anywhere }}
</style>
</head>
<body>
<main>
<h1>Participating agencies</h1>
<p>{count} agencies take part in this operation. Ask any of them, by an address that you find
yourself, whether a letter that you got is genuine.</p>
<table>
<thead><tr><th scope="col">Country</th><th scope="col">Agency</th><th scope="col">Page</th>\
<th scope="col">Questions</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
<p><small>{made}</small></p>
</main>
</body>
</html>
"""
_ROW = (
    '<tr><td>{country}</td><th scope="row" lang="{language}" dir="auto">{name}</th>'
    '<td><a href="{page}">{page}</a></td><td><a href="mailto:{contact}">{contact}</a></td></tr>'
)


def participants_page(agencies: Sequence[Agency], made_at: datetime) -> str:
    """The list as one self-contained page in English; names stay in their own script."""
    rows = "\n".join(
        _ROW.format(
            country=html.escape(_country(agency.country)),
            language=html.escape(agency.languages[0]),
            name=html.escape(agency.name),
            page=html.escape(agency.page),
            contact=html.escape(agency.contact),
        )
        for agency in in_order(agencies)
    )
    return _PAGE.format(count=len(agencies), rows=rows, made=f"As of {made_at:%Y-%m-%d %H:%M} UTC.")


def participants_json(agencies: Sequence[Agency], made_at: datetime) -> str:
    """The list for a program, UTF-8 JSON."""
    return json.dumps(
        {
            "as_of": f"{made_at:%Y-%m-%dT%H:%M:%SZ}",
            "agencies": [
                {
                    "id": agency.id,
                    "name": agency.name,
                    "country": agency.country,
                    "country_name": _country(agency.country),
                    "languages": list(agency.languages),
                    "page": agency.page,
                    "contact": agency.contact,
                }
                for agency in in_order(agencies)
            ],
        },
        ensure_ascii=False,
        indent=2,
    )


def in_order(agencies: Sequence[Agency]) -> list[Agency]:
    """By country's name, then by name."""
    return sorted(agencies, key=lambda agency: (_country(agency.country), agency.name))


def _country(code: str) -> str:
    return str(Locale("en").territories.get(code, code))
