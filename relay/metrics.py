"""The door to prometheus_client: what a relay or centre counts, and what it reads off when it is asked."""

from collections.abc import Awaitable, Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Counters of one node; `prefix` is "relay" or "centre"."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._before_reading: Callable[[], Awaitable[None]] | None = None
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self.statements = self._counter("statements_taken", "Statements taken for the first time")
        self.repeats = self._counter("statements_repeated", "Statements that came again")
        self.documents = self._counter("documents_taken", "Photographs taken whole and verified")
        self.errors = Counter(
            f"{prefix}_problems", "Requests answered with a problem, by code", ["code"], registry=self._registry
        )
        self.received_bytes = self._counter("received_bytes", "Bytes of statements and photographs received")

    def read_off(self, gauges: Callable[[], "Gauges"]) -> None:
        """Adds gauges that are read when asked."""
        self._registry.register(_Gauges(self._prefix, gauges))

    def before_reading(self, look: Callable[[], Awaitable[None]]) -> None:
        """What is awaited before anything is read, such as a look into the store."""
        self._before_reading = look

    async def read(self) -> bytes:
        """As `text`, after a fresh look."""
        if self._before_reading is not None:
            await self._before_reading()
        return self.text()

    def text(self) -> bytes:
        """Everything in the Prometheus text format."""
        return generate_latest(self._registry)

    def problem(self, code: str) -> None:
        """Counts an answer with a problem."""
        self.errors.labels(code).inc()

    def _counter(self, name: str, words: str) -> Counter:
        return Counter(f"{self._prefix}_{name}", words, registry=self._registry)


Gauges = Mapping[str, tuple[str, float | Mapping[str, float]]]
"""name -> (help, value), or a value for each label `name`, such as an uplink's."""


class _Gauges(Collector):
    def __init__(self, prefix: str, gauges: Callable[[], Gauges]) -> None:
        self._prefix = prefix
        self._gauges = gauges

    def collect(self) -> Iterable[Metric]:
        for name, (words, value) in self._gauges().items():
            if isinstance(value, Mapping):
                family = GaugeMetricFamily(f"{self._prefix}_{name}", words, labels=["name"])
                for label, part in value.items():
                    family.add_metric([label], part)
                yield family
            else:
                yield GaugeMetricFamily(f"{self._prefix}_{name}", words, value)
