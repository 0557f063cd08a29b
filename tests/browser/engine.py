"""The phone's engine without its screens: built by itself, opened in a tab, and asked by the names of its functions.

What the officer sees is tested with the screens; here is what must hold whatever the screens look like.
"""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Page

from relay.protocol import forms
from relay.web import site
from tests.authorities import TPS
from tests.browser.chromium import Browser
from tests.world.waiting import eventually

_PAGES = Path(site.__file__).parent / "pages"
_ENTRY = "src/phone/engine/index.ts"
_BUILD = """
import { build, loadConfigFromFile } from 'vite'
const { config } = await loadConfigFromFile({ command: 'build', mode: 'production' }, 'vite.config.ts')
const { rolldownOptions } = config.build
Object.assign(rolldownOptions, { preserveEntrySignatures: 'strict' }).input.engine = 'ENTRY'
const plugins = config.plugins.filter(({ name }) => name !== 'compressed')
const outDir = process.argv[1]
await build({ ...config, configFile: false, logLevel: 'warn', plugins, build: { ...config.build, outDir } })
""".replace("ENTRY", _ENTRY)


def build(folder: Path) -> str:
    """Builds both pages, and the engine by itself, into `folder`; the engine's address."""
    words = ["node", "--input-type=module", "--eval", _BUILD, "--", str(folder)]
    done = subprocess.run(words, cwd=_PAGES, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    made = json.loads((folder / "assets.json").read_text("utf-8"))
    return f"/{made[_ENTRY]['file']}"


@dataclass
class Phone:
    """A tab with the engine in it, as `window.engine`."""

    page: Page
    module: str

    @classmethod
    async def open(cls, browser: Browser, url: str, module: str) -> "Phone":
        """A new tab at the relay `url`."""
        browser.forgive("favicon")  # where there is no page, there is none
        phone = cls(await browser.open(f"{url}/healthz"), module)
        await phone.start()
        return phone

    async def start(self) -> None:
        """The engine, in a tab that was just loaded."""
        await self.page.evaluate(
            """async (module) => {
                const { createEngine } = await import(module)
                const tried = async (name, given) => {
                    try { return { value: await window.engine[name](...given) } }
                    catch ({ code, detail, stack }) { return { code, detail, stack } }
                }
                Object.assign(window, { engine: await createEngine(), tried })
            }""",
            self.module,
        )

    async def fill(self, figures: Mapping[str, int], tps: str = TPS, form: int = 2401) -> None:
        """Enters figures by name; the others stay as they are."""
        draft = await self.ask("draft", tps, form)
        entered = forms.catalogue()[form].figures(figures)
        both = zip(entered, draft["figures"], strict=True)
        await self.ask("save", draft | {"figures": [old if new is None else new for new, old in both]})

    async def reload(self) -> None:
        """What an officer does when nothing seems to happen."""
        await self.page.reload()
        await self.start()

    async def ask(self, name: str, *given: object) -> Any:
        """Calls a function of the engine; fails if that throws."""
        answer = await self.page.evaluate("([name, given]) => tried(name, given)", [name, list(given)])
        assert "code" not in answer, answer
        return answer.get("value")

    async def refused(self, name: str, *given: object) -> str:
        """Calls a function of the engine that must throw; the problem's code."""
        answer = await self.page.evaluate("([name, given]) => tried(name, given)", [name, list(given)])
        assert "code" in answer, answer
        return str(answer["code"])

    async def see(self, name: str) -> Any:
        """What one of the engine's signals shows."""
        return await self.page.evaluate("(name) => JSON.parse(JSON.stringify(engine[name].value))", name)

    async def wait_for(self, expression: str, seconds: float = 30) -> None:
        """Until the expression over `engine` and `items` is true."""
        whole = f"() => {{ const items = engine.items.value; return Boolean({expression}) }}"

        async def holds() -> bool:
            return bool(await self.page.evaluate(whole))  # `wait_for_function` needs a page that allows eval

        await eventually(holds, seconds)

    async def add_page(self, tps: str, form: int, number: int, path: Path) -> Any:
        """A photograph from the gallery, through a real file input."""
        answer = await self._choose(tps, form, number, path)
        assert "code" not in answer, answer
        return answer["value"]

    async def refused_page(self, tps: str, form: int, number: int, path: Path) -> str:
        """A photograph that must not be taken; the problem's code."""
        answer = await self._choose(tps, form, number, path)
        assert "code" in answer, answer
        return str(answer["code"])

    async def _choose(self, tps: str, form: int, number: int, path: Path) -> Any:
        await self.page.evaluate("document.body.innerHTML = '<input type=file>'")
        await self.page.set_input_files("input", path)
        return await self.page.evaluate(
            "(given) => tried('addPage', [...given, document.querySelector('input').files[0]])", [tps, form, number]
        )
