"""What a relay says of itself: everything as JSON, and the part of it that is worth a curve."""

from collections.abc import Sequence
from typing import Any

from relay.clock import Clock
from relay.drive.uplink import DriveUplink
from relay.forwarder.forwarder import Forwarder
from relay.identity import NodeIdentity
from relay.intake.neighbour import Custodian
from relay.metrics import Gauges
from relay.store.custody import CustodyStore
from relay.store.documents import DocumentFiles


class RelayStatus:
    """A look at every part of a relay."""

    def __init__(
        self,
        node: NodeIdentity,
        clock: Clock,
        store: CustodyStore,
        files: DocumentFiles,
        custodian: Custodian,
        forwarder: Forwarder,
        drives: Sequence[DriveUplink],
    ) -> None:
        self._node = node
        self._clock = clock
        self._store = store
        self._files = files
        self._custodian = custodian
        self._forwarder = forwarder
        self._drives = drives
        self._seen: dict[str, Any] = {}

    async def read(self) -> dict[str, Any]:
        """As `/v1/status` answers."""
        counts = await self._store.holdings.counts()
        oldest = counts.pop("oldest_waiting_held_at")
        return {
            "relay": {"id": self._node.identity.name, "scope": self._node.identity.scope},
            "clock": {"now": self._clock.now(), "sure": self._clock.sure},
            "counts": counts,
            "oldest_without_receipt_seconds": max(0, self._clock.now() - oldest) if oldest else None,
            "free_for_documents_bytes": max(0, self._files.free_for_documents()),
            "neighbours": await self._custodian.status(),
            "waiting": await self._forwarder.waiting(),
            **self._forwarder.status(),
            "drives": [drive.view() for drive in self._drives],
        }

    async def look(self) -> None:
        """Reads it for `gauges`."""
        self._seen = await self.read()

    def gauges(self) -> Gauges:
        """What was seen at the last look; nothing before the first."""
        return _gauges(self._seen) if self._seen else {}


def _gauges(status: dict[str, Any]) -> Gauges:
    """The part of the status that is worth a curve."""
    uplinks, waiting = {item["name"]: item for item in status["uplinks"]}, status["waiting"]
    return {
        "oldest_without_receipt_seconds": (
            "Age of the oldest statement without a receipt",
            status["oldest_without_receipt_seconds"] or 0,
        ),
        "waiting": ("Without a receipt, by class", {name: item["count"] for name, item in waiting.items()}),
        "waiting_bytes": ("Still to cross, by class", {name: item["bytes_left"] for name, item in waiting.items()}),
        "waiting_eta_seconds": (
            "Until all of a class has crossed; -1: nothing carries it now",
            {name: -1 if item["eta_seconds"] is None else item["eta_seconds"] for name, item in waiting.items()},
        ),
        "uplink_up": (
            "Whether an uplink works",
            {name: float(item["state"] in ("up", "resting")) for name, item in uplinks.items()},
        ),
        "uplink_rate_bytes_per_second": (
            "As last measured",
            {name: item["rate_bytes_per_second"] for name, item in uplinks.items()},
        ),
        "uplink_last_success_seconds": (
            "When the other side last answered, Unix seconds",
            {name: item["last_success"] for name, item in uplinks.items()},
        ),
        "uplink_budget_bytes_left": (
            "Left for today",
            {
                name: item["budget_bytes_left"]
                for name, item in uplinks.items()
                if item["budget_bytes_left"] is not None
            },
        ),
        "uplink_sent_bytes": (
            "Bytes handed to an uplink since the start",
            {name: item["bytes_sent"] for name, item in uplinks.items()},
        ),
        "sent_again_bytes": ("Bytes handed to uplinks that had been sent before", status["bytes_sent_again"]),
        "documents_free_bytes": ("Disk space left for photographs", status["free_for_documents_bytes"]),
    }
