"""Enrolling with a one-time code: the key is made here, and the answer proves itself by the code.

Nobody is trusted before: whatever relay answers, only one that reaches somebody who knows the code gets its root
pinned. The key is on disk before the first request, so that a lost answer costs nothing: the same key asks again.
"""

import asyncio
import ssl
import time
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from relay import identity as key_files
from relay.authority import requests
from relay.errors import Code, NotNow, Rejected
from relay.files import write_durably
from relay.identity import KEY_FILE, NodeIdentity
from relay.phone import identity, outbox, tls
from relay.phone.client import RelayConnection
from relay.phone.outbox import IDENTITY, Outbox
from relay.protocol import cose, enrolment, trust
from relay.protocol.enrolment import Answer, EnrolmentCode, State
from relay.protocol.identities import check_role
from relay.protocol.roles import Role

_KEY_FILE = "enrolling-key.pem"
_ASK_AGAIN_SECONDS = 5.0


async def enrol(
    folder: Path,
    url: str,
    code: EnrolmentCode,
    name: str,
    clock: Callable[[], int],
    *,
    passphrase: bytes | None = None,
    wait_seconds: float = 0.0,
    context: ssl.SSLContext | None = None,
) -> Outbox:
    """A new outbox in `folder` for whoever holds `code`.

    `NotNow` while the request waits for the authority: call it again, with the same code. `Rejected` if the code is
    refused, or the answer comes from somebody who does not know it.
    """
    key = await asyncio.to_thread(_key, folder / IDENTITY, passphrase)
    request = requests.enrolment_request(key, name, code)
    answer = await _ask(url, request, requests.key_id(key.public_key()), wait_seconds, context or tls.first_contact())
    officer = _judged(answer, code, key)
    with outbox.disk_errors(folder):
        await asyncio.to_thread(identity.keep, folder / IDENTITY, officer, key, passphrase)
        (folder / IDENTITY / _KEY_FILE).unlink()
    return Outbox(folder, clock)


async def _ask(url: str, request: bytes, key: bytes, wait_seconds: float, context: ssl.SSLContext) -> Answer:
    deadline = time.monotonic() + wait_seconds
    async with RelayConnection(url, context) as connection:
        answer = await connection.enrol(request)
        while answer.state is State.WAITING and time.monotonic() < deadline:
            await asyncio.sleep(min(_ASK_AGAIN_SECONDS, max(0.0, deadline - time.monotonic())))
            answer = await connection.enrolment(key)
    return answer


def _judged(answer: Answer, code: EnrolmentCode, key: ec.EllipticCurvePrivateKey) -> NodeIdentity:
    """Who we are, if the answer holds; the root that it names is pinned from here on."""
    if answer.state is State.WAITING:
        raise NotNow(
            Code.BUSY, "The relay keeps the request until the kabupaten has answered it; ask again later.", 60.0
        )
    if answer.state is State.REFUSED:
        sentence = answer.sentence or "The code was refused."
        raise Rejected(answer.code or Code.CODE_UNKNOWN, "".join(c for c in sentence if c.isprintable()))
    if not enrolment.is_proven(answer, code) or answer.root is None:
        raise Rejected(
            Code.SIGNATURE_INVALID,
            "Whoever answered does not know the one-time code: this is a false relay. Nothing was kept of its answer; "
            "tell the PPK.",
        )
    pinned = trust.pin(answer.root)
    who = pinned.identify(answer.certificates, at=None)
    check_role(who, Role.KPPS)
    if who.public_key != key.public_key():
        raise Rejected(Code.CERTIFICATE_MALFORMED, "The certificate is for another key; ask the PPK for a new code.")
    return NodeIdentity(cose.Signer(key, who.chain[0]), who, pinned)


def _key(folder: Path, passphrase: bytes | None) -> ec.EllipticCurvePrivateKey:
    """The key that asks: made once, and on disk when this returns."""
    if (folder / KEY_FILE).exists():
        raise Rejected(Code.FILE_EXISTS, f"{folder} has a key already; use another --outbox for another officer.")
    path = folder / _KEY_FILE
    with outbox.disk_errors(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.exists():
            return key_files.read_key(path, passphrase)
        key = ec.generate_private_key(ec.SECP256R1())
        encryption: KeySerializationEncryption = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
        write_durably(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption), mode=0o600)
    return key
