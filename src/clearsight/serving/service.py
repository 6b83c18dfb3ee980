"""`Service`: the state of a server that its routes and its middleware share."""

from clearsight.serving.http_error import HttpError, too_many_images
from clearsight.serving.metrics import Metrics
from clearsight.serving.named_bundle import NamedBundle
from clearsight.serving.quota import Quota
from clearsight.serving.registry import ModelRegistry
from clearsight.serving.settings import ServerSettings


class Service:
    """The state of a server.

    Attributes:
        settings: of the server.
        metrics: of the server.
        registry: the models.
        body_quota: the bytes of all request bodies in memory.
        is_draining: whether the server is about to stop. It still answers, closes each connection
            with its next response, and reports that it is not ready.
    """

    def __init__(self, settings: ServerSettings, bundles: tuple[NamedBundle, ...]) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.registry = ModelRegistry(bundles, settings, self.metrics)
        self.body_quota = Quota(
            settings.max_bodies_bytes,
            "memory_full",
            "Too many large requests are being answered: try again in a second.",
        )
        self.is_draining = False

    def check_ready(self) -> None:
        """Raise HttpError 503 if the server is about to stop."""
        if self.is_draining:
            raise HttpError(503, "draining", "The server is about to stop: use another one.")

    def check_num_images(self, num_images: int) -> None:
        """Raise HttpError 413 if a request has too many images."""
        if num_images > self.settings.max_request_images:
            raise too_many_images(self.settings.max_request_images)
