"""`Metrics`: what a server counts, for Prometheus."""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """The metrics of one server, in a registry of its own.

    Routes are those of ``/openapi.json``, or "other".
    """

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()

        def count(name: str, help_text: str, *labels: str) -> Counter:
            return Counter(f"clearsight_{name}", help_text, labels, registry=registry)

        def histogram(
            name: str, help_text: str, label: str, buckets: tuple[float, ...]
        ) -> Histogram:
            return Histogram(
                f"clearsight_{name}", help_text, (label,), buckets=buckets, registry=registry
            )

        self.requests = count("requests", "Requests answered.", "route", "status")
        self.images = count("images", "Images classified.", "model")
        self.reloads = count("reloads", "Changed bundles, loaded or rejected.", "model", "outcome")
        self.request_seconds = histogram(
            "request_seconds", "From a request's header to its response.", "route", _SECONDS
        )
        self.network_seconds = histogram(
            "network_seconds", "Network time per batch.", "model", _SECONDS
        )
        self.batch_images = histogram("batch_images", "Images per batch.", "model", _SIZES)
        self.queued = Gauge(
            "clearsight_queued_images",
            "Images that are being decoded or wait for the network.",
            ("model",),
            registry=registry,
        )
        ProcessCollector(registry=registry)

    def as_text(self) -> bytes:
        """Return all metrics in Prometheus's text format."""
        return generate_latest(self.registry)
