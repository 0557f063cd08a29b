"""The centre's folder of CA certificates and CRLs: read at the start, and again whenever it changes."""

import asyncio
import logging
from pathlib import Path

from relay import identity
from relay.errors import Rejected
from relay.verifier import Verifier

log = logging.getLogger(__name__)

_LOOK_SECONDS = 5.0


async def learn_folder(verifier: Verifier, folder: Path) -> None:
    """Takes in the CA certificates and CRLs of a folder; what does not hold is said in the log."""
    try:
        certificates, crls = await asyncio.to_thread(identity.read_trust_folder, folder)
    except Rejected as unreadable:
        log.error("what is known of CAs and revocations stays as it is: %s", unreadable.sentence)
        return
    for error in verifier.learn(certificates, crls):
        log.warning("%s: %s [%s]", folder, error.sentence, error.code)


async def watch_folder(verifier: Verifier, folder: Path) -> None:
    """A revocation takes effect within seconds of its CRL being put into the folder."""
    seen = None
    while True:
        try:
            state = await asyncio.to_thread(identity.trust_folder_state, folder)
        except Rejected:
            state = []  # said by `learn_folder`, once
        if seen is not None and state != seen:
            await learn_folder(verifier, folder)
        seen = state
        await asyncio.sleep(_LOOK_SECONDS)
