"""Whether a node could start as it is configured, without starting it."""

from relay.config import CentreConfig, RelayConfig
from relay.node.own import own_identity, own_tls
from relay.node.relay import own_desk
from relay.protocol.roles import Role
from relay.web import kecamatan


def check_files(config: RelayConfig | CentreConfig) -> None:
    """`Rejected` unless identity, TLS certificate, lists and authority that a configuration names hold."""
    node = own_identity(config.node, Role.RELAY if isinstance(config, RelayConfig) else Role.CENTRE)
    own_tls(config)
    if isinstance(config, RelayConfig):
        kecamatan.read_strictly(config.board, node.identity.scope)
        own_desk(config.enrolment)
