"""The portal for people: the way in and out, and what its pages show."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from judged_run import IP
from made_cases import NOW
from made_portal import MadePortal, make_portal
from made_site import PAGE, made_campaign
from made_site_desk import ask

from survey.flows.portal import portal_app
from survey.flows.site_desk import SiteDesk
from survey.flows.site_serving import site_app
from survey.model.portal import Scope
from survey.portal.languages import own_name, speak, written
from survey.portal.session import COOKIE, SECONDS, Sessions
from survey.site.policy import HEADERS
from survey.storage.keys import SITE, make_key
from survey.storage.portal_keys import PortalKeys

INSIDE = ("", "findings", "cases", "counts")


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MadePortal]:
    """Cases, reports and keys."""
    made = make_portal(tmp_path_factory.mktemp("portal"))
    yield made
    made.office.ledger.close()


@pytest.fixture
async def cookie(portal: MadePortal) -> str:
    """Of somebody who has logged in."""
    return await portal.login()


async def test_the_first_page_is_in_the_browsers_language(portal: MadePortal) -> None:
    """Else in English; and it leads to the login."""
    spanish = await portal.page("", headers={"accept-language": "es-ES,es;q=0.9"})
    assert spanish.headers["location"] == "/portal/es/"
    assert (await portal.page("")).headers["location"] == "/portal/en/"
    assert (await portal.page("en/")).headers["location"] == "/portal/en/login"
    assert (await ask(portal.app, "GET", "/portal")).headers["location"] == "/portal/"


@pytest.mark.parametrize("code", written())
async def test_pages_are_in_every_language(portal: MadePortal, cookie: str, code: str) -> None:
    """Each leads to the same page in the others, and none needs a script."""
    for path in INSIDE:
        page = await portal.page(f"{code}/{path}", cookie)
        assert page.status == 200
        language = speak(code)
        sideways = "rtl" if language.right_to_left else "ltr"
        assert f'<html lang="{language.tag}" dir="{sideways}"' in page.text
        assert "<script" not in page.text
        assert "style=" not in page.text
        for other in written():
            assert f'href="/portal/{other}/{path}"' in page.text
            assert own_name(speak(other)) in page.text


async def test_a_login_gives_one_cookie_that_says_little(portal: MadePortal) -> None:
    """For TLS, this portal and this site alone, out of scripts' reach, for half an hour."""
    reply = await portal.post("en/login", {"key": portal.keys["es-prueba"]})
    said = reply.headers["set-cookie"]
    assert reply.headers["location"] == "/portal/en/"
    assert said.startswith(f"{COOKIE}=")
    parts = {part.strip().lower() for part in said.split(";")[1:]}
    assert parts == {"httponly", "max-age=1800", "path=/portal", "samesite=strict", "secure"}
    assert portal.keys["es-prueba"].rpartition("_")[2] not in said


@pytest.mark.parametrize(
    "key", ["", "x", "osys_" + "a" * 16 + "_" + "a" * 52, "<script>", "é", "a" * 3000]
)
async def test_a_wrong_key_gives_none(portal: MadePortal, key: str) -> None:
    """And the same page whatever was wrong, without what was typed."""
    reply = await portal.post("en/login", {"key": key})
    assert reply.status == 403
    assert "set-cookie" not in reply.headers
    assert "opens nothing" in reply.text
    assert not key or key not in reply.text.replace("x", "") or len(key) == 1


@pytest.mark.parametrize("path", [*INSIDE, "cases/OSYS-2026-000001", "files/2026-W48/report.html"])
async def test_without_a_session_every_page_leads_to_the_login(
    portal: MadePortal, path: str
) -> None:
    """Whether there is such a page or not; a key in an address or a header opens none."""
    for asked in (path, f"{path}?key={portal.keys['es-prueba']}"):
        reply = await portal.page(f"en/{asked}")
        assert (reply.status, reply.headers["location"]) == (303, "/portal/en/login")
    bearer = {"authorization": f"Bearer {portal.keys['es-prueba']}"}
    assert (await portal.page(f"en/{path}", headers=bearer)).status == 303


async def test_a_cookie_is_no_key_of_a_program(portal: MadePortal, cookie: str) -> None:
    """No page of another site can make a browser ask the API."""
    assert (await portal.page("api/v1/findings", cookie)).status == 401


async def test_a_forged_cookie_opens_nothing(portal: MadePortal, cookie: str) -> None:
    """Changed, cut, doubled, signed by somebody else, endless."""
    name, _, value = cookie.partition("=")
    key = portal.office.ledger and PortalKeys(portal.office.ledger).all("es-prueba")[0]
    foreign = Sessions("/portal")._signer.dumps([key.id, "x"])
    for forged in (
        value[:-1] + ("A" if value[-1] != "A" else "B"),
        value[:-9],
        value.replace(".", ""),
        value + value,
        "A" * 9000,
        str(foreign),
        "",
    ):
        assert (await portal.page("en/", f"{name}={forged}")).status == 303


async def test_a_session_ends_after_half_an_hour(
    portal: MadePortal, cookie: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much it is used."""
    import itsdangerous.timed  # noqa: PLC0415 - its clock alone

    real = itsdangerous.timed.time.time

    class Later:
        @staticmethod
        def time() -> float:
            return real() + SECONDS + 5

    assert (await portal.page("en/", cookie)).status == 200
    monkeypatch.setattr(itsdangerous.timed, "time", Later)
    assert (await portal.page("en/", cookie)).status == 303


async def test_a_revoked_key_ends_its_sessions(portal: MadePortal) -> None:
    """With the next page; a scope that was not given is refused there, too."""
    key, text = portal.key("es-prueba", {Scope.QUERY})
    cookie = await portal.login(key=text)
    assert (await portal.page("en/findings", cookie)).status == 200
    assert (await portal.page("en/cases", cookie)).status == 403
    assert (await portal.page("en/files/2026-W48/report.html", cookie)).status == 403
    assert "opens no reports" in (await portal.page("en/", cookie)).text
    PortalKeys(portal.office.ledger).revoke(key.id, NOW + timedelta(days=1))
    assert (await portal.page("en/findings", cookie)).status == 303


async def test_logging_out_needs_the_pages_own_word(portal: MadePortal) -> None:
    """Another site can't log anybody out, with or without a guess."""
    cookie = await portal.login()
    page = (await portal.page("en/", cookie)).text
    token = page.partition('name="token" value="')[2].partition('"')[0]
    for wrong in ({}, {"token": ""}, {"token": token[:-1]}, {"token": "é"}):
        assert (await portal.post("en/logout", wrong, cookie)).status == 403
    done = await portal.post("en/logout", {"token": token}, cookie)
    assert done.status == 303
    assert 'portal="";' in done.headers["set-cookie"]
    assert "max-age=0" in done.headers["set-cookie"].lower()


@pytest.mark.parametrize(
    "headers",
    [{"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}, {"origin": "null"}],
)
async def test_a_foreign_form_logs_nobody_in(portal: MadePortal, headers: dict[str, str]) -> None:
    """Nobody is made to look at what another key sees."""
    fields = {"key": portal.keys["es-prueba"]}
    assert (await portal.post("en/login", fields, headers=headers)).status == 403


async def test_findings_are_shown_with_a_strangers_words_escaped(
    portal: MadePortal, cookie: str
) -> None:
    """Markup in a banner or in a network's name is text."""
    page = (await portal.page("en/findings", cookie)).text
    assert f"{IP['relay']}:25" in page
    assert "&lt;img src=x&gt;" in page
    assert "Cierzo &lt;b&gt;Hosting" in page
    assert "<img" not in page
    assert "<b>Hosting" not in page
    assert IP["foreign"] not in page
    assert "5 findings on this page" in page


async def test_pages_go_on(portal: MadePortal, cookie: str) -> None:
    """With the same question."""
    page = await portal.page("en/findings?network=192.0.2.0/24&limit=2", cookie)
    link = page.text.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    assert "network=192.0.2.0%2F24" in link
    assert (await portal.page(f"en/findings{link}", cookie)).status == 200


async def test_what_was_typed_wrongly_is_said_on_the_page(portal: MadePortal, cookie: str) -> None:
    """And stands in the form again, as text."""
    page = await portal.page('en/findings?address="><script>alert(1)</script>', cookie)
    assert page.status == 400
    assert "address won&#39;t do" in page.text
    assert "<script" not in page.text
    assert "&lt;script&gt;" in page.text


async def test_a_case_is_found_by_its_number(portal: MadePortal, cookie: str) -> None:
    """Its own with letters and history; another agency's without; a foreign one not at all."""
    reply = await portal.page("en/cases?number=OSYS-2026-000001", cookie)
    assert reply.headers["location"] == "/portal/en/cases/OSYS-2026-000001"
    own = await portal.page("en/cases/OSYS-2026-000001", cookie)
    assert "first notice: planned" in own.text
    assert "abuse@altamar.example" in own.text
    other = await portal.page("en/cases/OSYS-2026-000003", cookie)
    assert "another agency’s name" in other.text
    assert "abuse@" not in other.text
    mexican = await portal.login("mx-prueba")
    assert (await portal.page("en/cases/OSYS-2026-000001", mexican)).status == 404


async def test_files_are_kept_and_not_shown(portal: MadePortal, cookie: str) -> None:
    """A report is a page of its own; no browser runs it as one of ours."""
    reply = await portal.page("en/files/2026-W48/report.html", cookie)
    assert reply.status == 200
    assert reply.headers["content-disposition"].startswith("attachment")
    assert (await portal.page("en/files/2026-W48/none.html", cookie)).status == 404


async def test_every_answer_has_the_policy(portal: MadePortal, cookie: str) -> None:
    """No frame, no script, nothing kept, nobody told where it came from."""
    for reply in (
        await portal.page("en/", cookie),
        await portal.page("en/login"),
        await portal.page("en/nowhere", cookie),
        await portal.page("xx/"),
        await portal.api("findings"),
    ):
        assert {name.lower() for name in HEADERS} <= set(reply.headers)
        assert "unsafe" not in reply.headers["content-security-policy"]
        assert reply.headers["cache-control"] == "no-store"


async def test_the_site_has_the_portal_too(portal: MadePortal) -> None:
    """Behind the same guard, below the site's own pages."""
    settings = portal.office.judged.settings
    make_key(settings.keys, SITE)
    campaign = made_campaign(portal.office.folder)
    about = campaign.campaign.model_copy(update={"id": "trial"})
    campaign = campaign.model_copy(update={"campaign": about})
    desk = SiteDesk(settings, portal.office.ledger, "trial")
    app = site_app(settings, campaign, desk, per_second=1e6, portal=portal.desk)
    headers = {"authorization": f"Bearer {portal.keys['es-prueba']}"}
    assert (await ask(app, "GET", "/portal/api/v1/key", headers=headers)).status == 200
    assert (await ask(app, "GET", "/portal/en/login")).status == 200
    assert (await ask(app, "GET", "/own-test/")).status == 200


async def test_a_site_below_a_path_has_its_portal_there(portal: MadePortal) -> None:
    """With its links and its cookie."""
    app = portal_app(portal.desk, f"{PAGE}op/")
    reply = await ask(app, "GET", "/op/portal/en/")
    assert reply.headers["location"] == "/op/portal/en/login"
    body = f"key={portal.keys['es-prueba']}".encode()
    reply = await ask(app, "POST", "/op/portal/en/login", body=body)
    assert "Path=/op/portal;" in reply.headers["set-cookie"]
    page = await ask(app, "GET", "/op/portal/en/login")
    assert 'href="/op/portal/portal.css"' in page.text
    assert (await ask(app, "GET", "/op/portal/portal.css")).status == 200
