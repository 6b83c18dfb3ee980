"""`Recipe`: how to train, as data; all recipes share one training loop."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field

from clearsight.data.preparation.views import Views
from clearsight.data.splits.validation_split import SplitMethod
from clearsight.options import Request

PositiveFiniteFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(gt=0, lt=1)]
# No images, epochs, batches or parameters are more; arithmetic with larger numbers would overflow.
_MAX_COUNT = 10**12
Count = Annotated[int, Field(ge=0, le=_MAX_COUNT)]
PositiveCount = Annotated[int, Field(gt=0, le=_MAX_COUNT)]
_Pixels = Annotated[int, Field(ge=0, le=65_535)]


# Options that only one choice of another option uses.
USED_ONLY_WITH = {
    "momentum": ("optimizer", "muon"),
    "warmup": ("schedule", "triangular"),
    "first_factor": ("schedule", "triangular"),
    "last_factor": ("schedule", "triangular"),
}


class Recipe(Request):
    """How to train: frozen and validated.

    Attributes:
        name: what the user types.
        summary: what it is for, in one line.
        model: the network it was tuned with, used unless another is chosen.
        model_arguments: that network's options.
        optimizer: "adam", or "muon" for all kernels but the last layer's, with Adam for the rest.
        learning_rate: at its highest; with Muon, Adam's is a fifth of it, which changes the weights
            by as much.
        momentum: Muon's.
        beta_2: Adam's decay rate of the squared gradient's estimate.
        schedule: "constant", or "triangular": linear warm-up, then linear decay.
        warmup: fraction of the steps in which a triangular schedule rises.
        first_factor: the schedule's first learning rate, as a fraction of `learning_rate`.
        last_factor: the schedule's last learning rate, as a fraction of `learning_rate`.
        weight_decay: fraction of each weight removed per step, in units of the learning rate.
        label_smoothing: fraction of the target that is spread over all classes.
        flip: "none", or "alternating": each image is flipped in every other epoch.
        translate_pixels: largest random shift of each image in each direction.
        cutout_pixels: side of a random square that is blackened in each image; 0 for none.
        flip_at_test: whether predictions are averaged over each image and its mirror image.
        shift_at_test: pixels by which images are shifted for further predictions to average; see
            `Views`.
        epochs: passes over the training images.
        patience: epochs without better validation accuracy after which training ends; the best
            epoch's weights are then kept. 0 trains all epochs and keeps the last weights.
        min_steps: if there are so few images that the epochs make fewer steps, epochs are added,
            unless their number is given; 0 for no minimum.
        batch_size: images per batch.
        validation_split: fraction of the training images held out for validation.
        validation_method: "tail" holds out the last ones as Keras does, "stratified" the same
            fraction of each class.
        train_limit: number of the source's first training images to use; None for all.
        test_limit: number of the source's first test images to use; None for all.

    Raises:
        RequestError: if values are unknown, missing or out of range; lists them all.
    """

    subject: ClassVar[str] = "The recipe's options are"

    name: str
    summary: str
    model: str = "lesson"
    model_arguments: dict[str, Any] = Field(default_factory=dict)
    optimizer: Literal["adam", "muon"] = "adam"
    learning_rate: PositiveFiniteFloat = 0.001
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    beta_2: Fraction = 0.999
    schedule: Literal["constant", "triangular"] = "constant"
    warmup: Fraction = 0.1
    first_factor: Annotated[float, Field(gt=0, le=1)] = 1.0
    last_factor: Annotated[float, Field(ge=0, le=1)] = 0.0
    weight_decay: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    flip: Literal["none", "alternating"] = "none"
    translate_pixels: _Pixels = 0
    cutout_pixels: _Pixels = 0
    flip_at_test: bool = False
    shift_at_test: _Pixels = 0
    epochs: PositiveCount = 10
    patience: Count = 0
    min_steps: Count = 0
    batch_size: PositiveCount = 64
    validation_split: Fraction = 0.2
    validation_method: SplitMethod = "tail"
    train_limit: PositiveCount | None = None
    test_limit: PositiveCount | None = None

    @property
    def views(self) -> Views:
        """The views of an image that predictions are averaged over."""
        return Views(self.flip_at_test, self.shift_at_test)

    @property
    def options_in_use(self) -> dict[str, Any]:
        """The values of the options that change anything: neither off nor of an unused feature."""
        values = self.model_dump(exclude={"name", "summary", "model", "model_arguments"})
        return {
            name: value
            for name, value in values.items()
            if (
                values[USED_ONLY_WITH[name][0]] == USED_ONLY_WITH[name][1]
                if name in USED_ONLY_WITH
                else value not in (0, "none", None)  # False is 0
            )
        }

    def without_limits(self) -> Self:
        """Return the recipe for all images; its limits are meant for the source it was tuned on."""
        return self.model_copy(update={"train_limit": None, "test_limit": None})

    def replace(self, **changes: Any) -> Self:
        """Return the recipe with other values; None leaves a value as it is.

        Raises:
            RequestError: if values are out of range; lists them all.
        """
        given = {name: value for name, value in changes.items() if value is not None}
        return type(self)(**{**self.model_dump(), **given})
