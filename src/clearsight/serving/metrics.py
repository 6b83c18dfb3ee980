"""`Metrics`: what a server counts, for Prometheus."""

from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
)

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """The metrics of one server, in their own registry.

    Routes are those of ``/openapi.json``, or "other".
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        options: Any = {"namespace": "clearsight", "registry": self.registry}
        self.requests = Counter("requests", "Requests answered.", ["route", "status"], **options)
        self.images = Counter("images", "Images classified.", ["model"], **options)
        self.reloads = Counter(
            "reloads", "Changed bundles, loaded or rejected.", ["model", "outcome"], **options
        )
        self.failures = Counter(
            "network_failures", "Batches that the network failed on.", ["model"], **options
        )
        self.request_seconds = Histogram(
            "request_seconds",
            "From a request's header to its response.",
            ["route"],
            buckets=_SECONDS,
            **options,
        )
        self.network_seconds = Histogram(
            "network_seconds", "Network time per batch.", ["model"], buckets=_SECONDS, **options
        )
        self.batch_images = Histogram(
            "batch_images", "Images per batch.", ["model"], buckets=_SIZES, **options
        )
        self.queued = Gauge(
            "queued_images",
            "Images that are being decoded or wait for the network.",
            ["model"],
            **options,
        )
        ProcessCollector(registry=self.registry)
