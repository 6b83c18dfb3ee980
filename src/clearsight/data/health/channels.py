"""Grey images stored with three equal channels."""

from collections.abc import Iterator

from clearsight.data.health.finding import Finding
from clearsight.data.health.image_pool import Flaw, ImagePool

_SOME_GREY = Flaw(
    "some-images-grey",
    "Grey images among colour images",
    "has no colour",
    "have no colour",
    "Make sure that no class consists only of grey images, or their lack of colour will reveal "
    "the class.",
    severity="note",
)


def check(pool: ImagePool) -> Iterator[Finding]:
    """Find images without colour among those stored in colour."""
    if pool.images.shape[-1] < 3:
        return
    if not pool.statistics.is_grey.all():
        yield from pool.find_flaw(_SOME_GREY, pool.statistics.is_grey)
        return
    yield Finding(
        id="grey-stored-as-colour",
        title="Grey images stored as colour",
        severity="note",
        count=len(pool),
        total=len(pool),
        message="Red, green and blue are equal in all images, so the same grey values are "
        "stored three times",
        advice="Store one channel, which is faster to read and to train on.",
    )
