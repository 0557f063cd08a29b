"""An officer at the phone's page: does with keyboard, finger and files what people do, and reads what the page says."""

from collections.abc import Sequence
from pathlib import Path

from playwright.async_api import Locator, Page, expect

from relay.protocol.forms import Figures
from tests.browser.chromium import Browser, go
from tests.browser.words import say


class Officer:
    """One person, one phone, one page of it."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def type_code(self, code: str, name: str = "Yusuf") -> None:
        """Types the one-time code and a name."""
        field = self.page.get_by_label(say("enrol.code"))
        await field.wait_for()
        await self.arrive()
        await field.fill(code)
        await self.page.get_by_label(say("enrol.name")).fill(name)

    async def enrol(self, code: str, name: str = "Yusuf") -> None:
        """Does so, sends it, and waits for the certificate, or for the screen of those who wait."""
        await self.type_code(code, name)
        asking = await self.heading.inner_text()
        await self.main.click()
        await expect(self.heading).not_to_have_text(asking)

    async def go(self, *parts: object) -> None:
        """The screen of an address, without loading the page again."""
        await go(self.page, *parts)

    async def arrive(self) -> None:
        """Waits until the screen has taken the focus, as every new one does: what is typed before that is lost."""
        await expect(self.page).to_have_title(await self.heading.inner_text())  # set when the focus was taken

    async def sheet(self, tps: str, form: int, part: str) -> Locator:
        """The boxes of one part of the paper, once they can be typed into."""
        await self.go("tps", tps, form, "fill", part)
        boxes = self.page.locator(".boxes input")
        await boxes.first.wait_for()
        await self.arrive()
        return boxes

    async def enter(self, tps: str, form: int, figures: Figures) -> None:
        """Types the figures of a whole form, by keyboard alone: sheet after sheet, boxes in the order of the paper."""
        await self.go("tps", tps, form)
        await self.main.click()
        left = list(figures)
        while left:
            await expect(self.heading).to_be_focused()  # as every new screen does, for screen readers
            boxes = await self.page.locator(".boxes input").count()
            await self.page.locator(".boxes input").first.focus()
            for figure in left[:boxes]:
                if figure is None:
                    await self.page.keyboard.press("Enter")
                else:
                    await self.page.keyboard.type(f"{figure:03}")
            left = left[boxes:]
            title = await self.heading.inner_text()
            await self.page.keyboard.press("Enter")
            await expect(self.heading).not_to_have_text(title)

    async def photograph(self, tps: str, form: int, files: Sequence[Path], page: int = 1) -> None:
        """Chooses photographs from the gallery, for `page` and those behind it, and waits until all are kept."""
        await self.go("tps", tps, form, "photographs")
        await expect(self.heading).to_have_text(say("form.pages"))
        picker = self.page.locator(".page-card").nth(page - 1).locator("input[multiple]")
        await picker.set_input_files([*files])
        await expect(self.page.locator(".page-shown")).to_have_count(page - 1 + len(files))

    async def sign(self, tps: str, form: int) -> None:
        """Checks, says of everything doubtful that it is so on the paper, and signs what there is."""
        await self.review(tps, form)
        await self.check_doubts()
        await self.main.click()
        await self.page.locator("dialog .main").click()
        await expect(self.steps).to_be_visible()

    async def review(self, tps: str, form: int) -> None:
        """The last look before signing, once all of it is there."""
        await self.go("tps", tps, form, "review")
        await expect(self.heading).to_have_text(say("review.title"))
        await self.main.wait_for()  # the title alone stands there before the draft does

    async def check_doubts(self) -> None:
        """Says of everything doubtful on the screen that it is so on the paper."""
        while await self.doubts.count():
            await self.doubts.first.click()

    async def until(self, step: str) -> None:
        """Waits until the item on the screen is at a step: on-phone, at-relay, on-its-way, at-centre."""
        await expect(self._here).to_have_text(say(f"state.{step}"))

    async def step(self) -> str:
        """The words of the step that the item on the screen has reached."""
        return await self._here.inner_text()

    async def item_id(self) -> str:
        """The statement id that the item on the screen shows, hex."""
        return await self.page.locator("code").last.inner_text()

    async def open_item(self, statement: str) -> None:
        """The screen of something signed."""
        await self.go("item", statement)
        await expect(self.steps).to_be_visible()

    async def save_proof(self, folder: Path) -> Path:
        """Saves the proof of the item on the screen as a ZIP: what is on this phone can be given to somebody."""
        await self.page.get_by_role("link", name=say("item.proof")).click()
        async with self.page.expect_download() as download:
            await self.page.get_by_role("button", name=say("proof.save")).click()
        saved = folder / (await download.value).suggested_filename
        await (await download.value).save_as(saved)
        return saved

    @property
    def _here(self) -> Locator:
        return self.steps.locator("[aria-current=step] .step-name")

    @property
    def doubts(self) -> Locator:
        """What is doubtful on the screen, and was not said to be so on the paper."""
        return self.page.locator("input[data-flag]:not(:checked)")

    @property
    def heading(self) -> Locator:
        """The name of the screen."""
        return self.page.get_by_role("heading", level=1)

    @property
    def main(self) -> Locator:
        """The button of what comes next."""
        return self.page.locator(".actions .main")

    @property
    def steps(self) -> Locator:
        """The four steps of an item."""
        return self.page.locator("ol.steps")


async def officer(browser: Browser, url: str) -> Officer:
    """Somebody who has just opened the relay's address."""
    page = await browser.open(url)
    await page.get_by_role("heading", level=1).wait_for()
    return Officer(page)
