"""What a node is given before it starts: its identity, its certificate for TLS, its folder. Read, and checked."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from relay import identity
from relay.config import CentreConfig, NodeConfig, RelayConfig
from relay.errors import StoreBroken
from relay.files import lock_folder
from relay.http import server_tls
from relay.identity import NodeIdentity
from relay.protocol.roles import Role


def own_identity(config: NodeConfig, role: Role) -> NodeIdentity:
    """Key and certificates; `Rejected` if they do not hold or are another role's."""
    return identity.load(config.identity_directory, role, passphrase=_passphrase(config))


def own_tls(config: RelayConfig | CentreConfig) -> ssl.SSLContext:
    """What the node shows to who connects; `Rejected` if it cannot be read."""
    folder = config.node.identity_directory
    certificate, key = folder / identity.CERTIFICATE_FILE, folder / identity.KEY_FILE
    public = config.listen.tls_certificate
    names = identity.host_names(public) if public is not None else ()
    return server_tls(config.listen, certificate, key, _passphrase(config.node), names)


@contextmanager
def own_folder(config: NodeConfig) -> Iterator[Path]:
    """The node's data, held for this process alone; `StoreBroken` if there is no such folder and none can be made."""
    try:
        config.data_directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise StoreBroken(f"{config.data_directory} cannot be created: {error.strerror}.") from error
    with lock_folder(config.data_directory):
        yield config.data_directory


def _passphrase(config: NodeConfig) -> bytes | None:
    return identity.read_passphrase(config.passphrase_file) if config.passphrase_file else None
