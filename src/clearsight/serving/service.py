"""`Service`: what the routes work with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from clearsight.serving.admission import Room
from clearsight.serving.gate import Lifetime
from clearsight.serving.http_error import HttpError
from clearsight.serving.metrics import Metrics
from clearsight.serving.settings import ServerSettings
from clearsight.serving.shelf import Shelf


@dataclass(frozen=True)
class Service:
    """What the routes work with.

    Attributes:
        settings: of the server.
        shelf: its bundles.
        bodies: room for the bodies of all requests.
        metrics: what is counted.
        lifetime: whether it is about to end.
    """

    settings: ServerSettings
    shelf: Shelf
    bodies: Room
    metrics: Metrics
    lifetime: Lifetime

    def check_count(self, num_images: int) -> None:
        """Check how many images a request has.

        Raises:
            HttpError: 413 when there are too many.
        """
        most = self.settings.most_images
        if num_images > most:
            raise HttpError(
                413,
                "too_many_images",
                f"A request should have at most {most} images, but has {num_images}: send several.",
            )


class Error(BaseModel):
    """What every error looks like."""

    error: str
    code: str
    status: int


_ALWAYS = (403, 431, 500)


def error_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what ``/openapi.json`` says of errors."""
    return {status: {"model": Error} for status in (*_ALWAYS, *statuses)}
