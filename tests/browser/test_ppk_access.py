"""Who gets into the PPK's page, and who may do what there: codes, keys, the relay's screen, lost phones."""

from pathlib import Path

import aiohttp
from playwright.async_api import expect

from relay.demo.figures import FORM_CODE
from relay.protocol.enrolment import enrolment_code
from tests.authorities import KECAMATAN
from tests.browser.chromium import DESK, Browser, chromium
from tests.browser.operator import ALL, CUT, Operator, hand_over, other, peso_hilir, signed_tally
from tests.browser.place import Place, place
from tests.browser.words import say
from tests.world.enrolling import Phone
from tests.world.http import post
from tests.world.nodes import Country


async def test_a_lost_phone_is_replaced_and_its_key_revoked(
    operator: Operator, peso: Place, http: aiohttp.ClientSession
) -> None:
    station = ALL[0]
    code = enrolment_code(peso.new_code(station.tps))
    lost = Phone()
    officer = lost.party(await lost.ask(http, peso.direct_url, code), code)
    await operator.go("phones")
    await operator.is_accessible()
    await operator.page.get_by_role("button", name=f"TPS {int(station.number)}, {station.village}").click()
    await operator.is_accessible()
    await operator.press("phones.yes")
    await operator.sees("phones.revoked", revoked=1)
    await operator.is_accessible()
    shown = await operator.page.locator(".code").inner_text()
    refused = await post(http, peso.direct_url, signed_tally(officer, station).with_chain(officer[1]))
    assert refused.code == "signer-revoked"
    found = Phone()
    code = enrolment_code(shown)
    officer = found.party(await found.ask(http, peso.direct_url, code), code)
    await hand_over(http, peso.direct_url, officer, signed_tally(officer, station))
    await operator.go("queue")
    await operator.go("phones")
    await operator.sees("phones.replace")
    await expect(operator.page.get_by_text(shown)).to_have_count(0)


async def test_the_page_says_that_the_relay_is_away_and_comes_back_by_itself(
    operator: Operator, peso: Place, browser: Browser, country: Country, http: aiohttp.ClientSession
) -> None:
    browser.forgive(CUT)
    live = operator.page.locator(".liveness")
    await expect(live).to_have_class("liveness live")
    peso.hotspot.down()
    await expect(live).to_have_class("liveness lost")
    await operator.is_accessible()
    station = ALL[0]
    officer = country.world.officer(station.tps)
    await hand_over(http, peso.direct_url, officer, signed_tally(officer, station))
    await expect(operator.row(station.tps)).to_contain_text(say("standing.missing"))
    peso.hotspot.up()
    await expect(live).to_have_class("liveness live")
    await expect(operator.row(station.tps)).to_contain_text(say("standing.pages"))
    await peso.stop_relay()
    await expect(live).to_have_class("liveness lost")
    await peso.start_relay()
    await operator.sees("login.ended")  # sessions live in the relay's memory
    await operator.log_in()
    await expect(operator.row(station.tps)).to_be_visible()
    await operator.press("login.out")
    await operator.sees("login.as", name="Rahmat", scope=KECAMATAN)
    assert (await operator.page.evaluate("fetch('/v1/board').then(answer => answer.status)")) == 401


async def test_the_relays_own_screen_sees_everything_and_changes_nothing(
    tmp_path: Path, country: Country, http: aiohttp.ClientSession
) -> None:
    change = peso_hilir(country.folder, screen=True)
    station = ALL[0]
    async with place(country, change) as peso, chromium(tmp_path / "screen", country.root_file, DESK) as browser:
        officer = country.world.officer(station.tps)
        tallies = signed_tally(officer, station), signed_tally(officer, station, other(station))
        await hand_over(http, peso.direct_url, officer, *tallies)
        screen = Operator(await browser.open(f"{peso.direct_url.replace('127.0.0.1', 'localhost')}/ppk/"))
        await expect(screen.row(station.tps)).to_contain_text(say("standing.conflict"))
        await screen.is_accessible()
        await screen.go("tps", station.tps, FORM_CODE)
        await screen.sees("resolve.log-in")
        await expect(screen.page.get_by_role("button", name=say("resolve.sign"))).to_have_count(0)
        await screen.is_accessible()
        await screen.go("phones")
        await expect(screen.page.get_by_text(say("phones.replace"))).to_have_count(0)
        await screen.page.get_by_role("link", name=say("login.title")).click()
        await screen.sees("login.first-time")
        browser.check()


async def test_who_knows_no_code_and_who_belongs_elsewhere_does_not_get_in(
    peso: Place, browser: Browser, http: aiohttp.ClientSession
) -> None:
    someone = Operator(await browser.open(f"{peso.url}/ppk/"))
    await someone.page.get_by_label(say("login.name")).fill("Orang lain")
    await someone.page.get_by_label(say("login.code")).fill("K7Q2-M4XD-9FTA")
    await someone.press("login.enrol")
    await someone.sees("code-unknown")
    await someone.is_accessible()
    await someone.page.get_by_label(say("login.code")).fill(peso.new_code(ALL[0].tps))  # an officer's
    await someone.press("login.enrol")
    await someone.sees("role-not-allowed")
    browser.forgive("status of 401")
    assert (await someone.page.evaluate("fetch('/v1/board').then(answer => answer.status)")) == 401
