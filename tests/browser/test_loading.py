"""The pages load over TLS that the browser trusts, from the relay alone, and say clearly when they cannot."""

from tests.browser.chromium import Browser, axe
from tests.browser.place import Place


async def test_the_phones_page_loads_and_is_secure(browser: Browser, at_relay: Place) -> None:
    page = await browser.open(at_relay.url)
    assert await page.evaluate("isSecureContext && crossOriginIsolated === false && 'subtle' in crypto")
    await page.wait_for_selector("main, h1")
    assert browser.requested
    assert all(url.startswith((at_relay.url, "blob:")) for url in browser.requested)
    assert await axe(page) == []
