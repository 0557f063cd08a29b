"""The yardstick for the intake: the least that an aiohttp handler can do and still keep the promise.

Verify, sign a slip, commit in groups to SQLite with an fsync, answer. No routes, rules, trust, counters, log or
limits. `python -m tests.bench.bare IDENTITY OFFICERS DATABASE`.
"""

import asyncio
import signal
import sqlite3
import ssl
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cbor2
import uvloop
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from relay import identity
from relay.protocol import cbor, cose, slips
from relay.protocol.roles import Role

_ES256 = ec.ECDSA(hashes.SHA256())
_GROUP_MAX = 256


class Bare:
    """One table, one writer, one handler."""

    def __init__(self, signer: cose.Signer, keys: dict[bytes, ec.EllipticCurvePublicKey], database: Path) -> None:
        self._signer = signer
        self._keys = keys
        self._connection = sqlite3.connect(database, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute("CREATE TABLE held (number INTEGER PRIMARY KEY, id BLOB UNIQUE, cose BLOB, slip BLOB)")
        self._number = 0
        self._waiting: list[tuple[bytes, bytes, asyncio.Future[bytes]]] = []
        self._arrived = asyncio.Event()
        self._thread = ThreadPoolExecutor(1)

    async def post(self, request: web.Request) -> web.Response:
        """One statement."""
        body = await request.read()
        protected, _, payload, signature = cbor2.loads(body[1:])
        sign1 = cose.put_together(protected, payload, signature)
        signed = sign1.sig_structure
        der = encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
        self._keys[protected[-8:]].verify(der, signed, _ES256)
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting.append((cose.sha256(signed), sign1.bare, future))
        self._arrived.set()
        return web.Response(status=201, body=await future, headers={"Content-Type": "application/cose"})

    async def write(self) -> None:
        """Commits for ever."""
        loop = asyncio.get_running_loop()
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            waiting, self._waiting = self._waiting, []
            for at in range(0, len(waiting), _GROUP_MAX):
                group = waiting[at : at + _GROUP_MAX]
                rows = [self._row(name, data) for name, data, _ in group]
                await loop.run_in_executor(self._thread, self._commit, rows)
                for (_, _, future), row in zip(group, rows, strict=True):
                    future.set_result(row[3])

    def _row(self, name: bytes, data: bytes) -> tuple[int, bytes, bytes, bytes]:
        self._number += 1
        slip = slips.payload(slips.Subject.STATEMENT, name, self._number, int(time.time()), True)
        return self._number, name, data, self._signer.sign(slip).bare

    def _commit(self, rows: list[tuple[int, bytes, bytes, bytes]]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany("INSERT INTO held VALUES (?, ?, ?, ?)", rows)
        self._connection.execute("COMMIT")


async def serve(bare: Bare, folder: Path) -> None:
    """Until SIGTERM."""
    app = web.Application()
    app.add_routes([web.post("/v1/statements", bare.post)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder / identity.CERTIFICATE_FILE, folder / identity.KEY_FILE)
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    writing = asyncio.create_task(bare.write())
    print(f"bare listens on port {runner.addresses[0][1]}", file=sys.stderr, flush=True)
    await stop.wait()
    writing.cancel()
    await runner.cleanup()


def made(folder: Path, officers: Path, database: Path) -> Bare:
    """With a relay's identity, the officers' certificates that `material.write_officers` wrote, and a new database."""
    keys: dict[bytes, ec.EllipticCurvePublicKey] = {}
    for der in cbor.decode(officers.read_bytes()):
        key = x509.load_der_x509_certificate(der).public_key()
        if isinstance(key, ec.EllipticCurvePublicKey):
            keys[cose.x5t_of(der)] = key
    return Bare(identity.load(folder, Role.RELAY).signer, keys, database)


if __name__ == "__main__":
    identity_folder, *others = map(Path, sys.argv[1:4])
    uvloop.run(serve(made(identity_folder, *others), identity_folder))
