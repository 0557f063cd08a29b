"""kill -9 of the phone at random moments, while it signs and while it sends: nothing that it had said is lost.

The seed is printed first; RELAY_SEED takes it back.
"""

import asyncio
import os
import random
import secrets
import subprocess
import sys
import time
from pathlib import Path

import aiohttp
from cryptography import x509

from relay.authority import keys
from relay.phone import outbox as outbox_module
from relay.phone.outbox import Outbox
from relay.protocol import cose, slips
from relay.protocol.lifecycle import State
from relay.protocol.roles import Role
from tests.authorities import TPS, new_key
from tests.world.http import ask
from tests.world.nodes import Country, running_centre, running_relay

SIGNING_ROUNDS = 12
SENDING_ROUNDS = 10
CODE = "K7QM-2XHV-9TRA-CW4E"


def clock() -> int:
    return int(time.time())


async def run_and_kill(words: list[str], seconds: float | None) -> int:
    """`relay phone …` as a process of its own, killed -9 after `seconds` unless it has ended; its exit status."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "relay", "phone", *words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(seconds):
            return await process.wait()
    except TimeoutError:
        process.kill()
        return await process.wait()


def new_outbox(country: Country, folder: Path) -> Outbox:
    key = new_key()
    _, chain = country.world.leaf(Role.KPPS, TPS, key=key)
    leaf, *above = (x509.load_der_x509_certificate(der) for der in chain)
    p12 = keys.pkcs12_file("officer", key, leaf, above, CODE)
    return outbox_module.create(folder, p12, CODE, country.world.root_der, clock)


def check_whole(outbox: Outbox) -> None:
    """Every entry is whole: its statement can be read, every page is there, every slip holds for it."""
    assert list(outbox.damaged()) == []
    for entry in outbox.entries():
        for page in entry.statement.pages:
            photograph = entry.photograph(page.document).read_bytes()
            assert cose.sha256(photograph) == page.document
        for slip in entry.slips:
            assert slips.read(slip.signed).number > 0


async def test_a_phone_that_is_killed_loses_nothing_it_had_signed(
    country: Country, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    seed = int(os.environ.get("RELAY_SEED", secrets.randbelow(2**32)))
    print(f"RELAY_SEED={seed}")
    chance = random.Random(seed)
    outbox = new_outbox(country, tmp_path / "phone")
    words = ["--outbox", str(outbox.folder), "--tps", TPS, "--form", "2401"]
    signed = 0
    for revision in range(1, SIGNING_ROUNDS + 1):
        photograph = tmp_path / f"{revision}.jpg"
        photograph.write_bytes(chance.randbytes(chance.randrange(1000, 2_000_000)))
        arguments = ["sign-documents", *words, "--revision", str(revision), "--page", f"1={photograph}"]
        status = await run_and_kill(arguments, chance.uniform(0.2, 0.9))
        check_whole(outbox)
        held = {entry.statement.revision for entry in outbox.entries()}
        assert status != 0 or revision in held, "the phone said that it was signed, and it is gone"
        if revision not in held:
            assert await run_and_kill(arguments, None) == 0
        signed += 1
    assert len(list(outbox.entries())) == signed
    async with running_centre(country.centre_config()) as centre:
        config = country.relay_config(centre_url=centre)
        async with running_relay(config) as relay:
            send = ["send", "--outbox", str(outbox.folder), "--relay", relay]
            for _ in range(SENDING_ROUNDS):
                await run_and_kill(send, chance.uniform(0.3, 1.2))
                check_whole(outbox)
            assert await run_and_kill([*send, "--wait", "60"], 120) == 0
            counts = (await ask(http, "GET", f"{centre}/v1/status")).json["counts"]
    assert [entry.state for entry in outbox.entries()] == [State.AT_CENTRE] * signed
    assert counts["recorded"] == counts["statements"] == signed
