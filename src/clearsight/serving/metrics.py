"""What a server counts, in Prometheus's form."""

from __future__ import annotations

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
    """The counters of one server, in a registry of its own.

    Attributes:
        requests: by route (as in ``/openapi.json``, "other" for none) and status.
        request_seconds: from the end of a request's header to its answer, by route.
        images: named, by model.
        batch_images: images of a batch, by model.
        network_seconds: of a batch in the network, by model.
        queued: images that are being decoded or wait, by model.
        reloads: replacements of a bundle, by model and outcome (taken, refused).
    """

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.requests = Counter(
            "clearsight_requests", "Requests answered.", ("route", "status"), registry=registry
        )
        self.request_seconds = Histogram(
            "clearsight_request_seconds",
            "From the end of a request's header to its answer.",
            ("route",),
            buckets=_SECONDS,
            registry=registry,
        )
        self.images = Counter("clearsight_images", "Images named.", ("model",), registry=registry)
        self.batch_images = Histogram(
            "clearsight_batch_images",
            "Images of a batch.",
            ("model",),
            buckets=_SIZES,
            registry=registry,
        )
        self.network_seconds = Histogram(
            "clearsight_network_seconds",
            "A batch in the network.",
            ("model",),
            buckets=_SECONDS,
            registry=registry,
        )
        self.queued = Gauge(
            "clearsight_queued_images",
            "Images that are being decoded or wait.",
            ("model",),
            registry=registry,
        )
        self.reloads = Counter(
            "clearsight_reloads",
            "Replacements of a bundle on disk.",
            ("model", "outcome"),
            registry=registry,
        )
        ProcessCollector(registry=registry)

    def as_text(self) -> bytes:
        """Return all of them as Prometheus reads them."""
        return generate_latest(self.registry)
