import asyncio
from functools import partial
from tests.browser.test_worker import built, ROUTES, site
async def step(name, it):
    try:
        async with asyncio.timeout(8):
            print("STEP", name, await it, flush=True)
    except BaseException as e:
        print("STEP", name, "FAILED", repr(e)[:300], flush=True)
async def test_debug(at_relay, browser, built, monkeypatch):
    await step("stop", at_relay.stop_relay())
    monkeypatch.setattr(site, "routes", partial(ROUTES, built=built[0]))
    await step("start", at_relay.start_relay())
    page = await browser.context.new_page()
    await step("goto", page.goto(at_relay.url, wait_until="commit"))
    await asyncio.sleep(3)
    await step("title", page.evaluate("document.title"))
    await step("regs", page.evaluate("Promise.race([navigator.serviceWorker.getRegistrations().then(rs => rs.map(r => [!!r.installing, !!r.waiting, !!r.active])), new Promise(ok => setTimeout(() => ok('late'), 3000))])"))
    print(browser.errors); print(browser.requested[-12:], flush=True)
