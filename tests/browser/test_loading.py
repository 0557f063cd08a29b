"""The pages load over TLS that the browser trusts, from the relay alone; and what goes wrong in them is noticed."""

import pytest

from tests.browser.chromium import Browser, axe
from tests.browser.place import Place


@pytest.mark.parametrize("path", ["/", "/ppk/"])
async def test_a_page_loads_securely_and_asks_nobody_else(browser: Browser, at_relay: Place, path: str) -> None:
    page = await browser.open(at_relay.url + path)
    await page.get_by_role("heading", level=1).wait_for()
    assert await page.evaluate("isSecureContext && 'subtle' in crypto")
    assert all(url.startswith((at_relay.url, "blob:")) for url in browser.requested)
    assert await axe(page) == []


async def test_what_a_page_does_wrong_is_noticed(browser: Browser, at_relay: Place) -> None:
    page = await browser.open(at_relay.url)
    await page.evaluate("document.head.append(Object.assign(document.createElement('script'), { text: '1' }))")
    await page.evaluate("fetch('https://elsewhere.test/').catch(() => null)")
    async with browser.context.expect_event("weberror"):
        await page.evaluate("setTimeout(() => { throw new Error('nobody caught this') })")
    await page.evaluate("document.body.append(document.createElement('input'))")
    assert any(fault.startswith("label") for fault in await axe(page))
    with pytest.raises(AssertionError) as caught:
        browser.check()
    for wrong in ("inline script", "connect-src", "nobody caught this"):
        assert wrong in str(caught.value)
    browser.errors.clear()
