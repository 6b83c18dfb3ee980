"""Networks of `keras.applications` with fixed names of layers, and raw pixels as input."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clearsight.models.backbones.blocks import image_input
from clearsight.models.backbones.keras_weights import build_application

if TYPE_CHECKING:
    import keras
    import numpy as np


@dataclass(frozen=True)
class Application:
    """A network whose layers Keras names by block, but for activations and the like.

    Attributes:
        name: of the Keras model.
        function: its name in `keras.applications`.
        rescaling: the factor and the offset of a Rescaling layer, where the network scales no
            pixels itself.
    """

    name: str
    function: str
    rescaling: tuple[float, float] | None = None

    def build(self, image_size: tuple[int, int]) -> keras.Model:
        """Build the network with random weights, for pixels 0..255 (N, H, W, 3)."""
        from clearsight.models.backend import keras

        options = {}
        if self.rescaling is not None:
            scale, offset = self.rescaling
            rescaling = keras.layers.Rescaling(scale, offset=offset, name="stem_rescaling")
            options = {"input_tensor": rescaling(image_input(image_size))}
        return self._renamed(build_application(self.function, image_size, **options))

    def convert(self, model: keras.Model) -> dict[str, np.ndarray]:
        """Return the weights of Keras's network by the path of our variable."""
        from clearsight.models.backend import keras

        ours = self.build(model.input_shape[1:3])
        to_numpy: Any = keras.ops.convert_to_numpy
        return {
            variable.path: to_numpy(original)
            for variable, original in zip(ours.weights, model.weights, strict=True)
        }

    def _renamed(self, model: keras.Model) -> keras.Model:
        """Return the network with names that do not depend on what was built before.

        A layer that Keras numbers is named after the one before it that has a name of its own.
        """
        from clearsight.models.backend import keras

        taken: set[str] = set()
        previous = "stem"

        def rename(operation: Any) -> Any:
            nonlocal previous
            kind = _snake_case(type(operation).__name__)
            name = operation.name
            if name == "avg_pool":
                name = "features"
            elif re.fullmatch(rf"{kind}(_\d+)?", name):
                name = f"{previous}_{kind}"
                count = sum(each == name or each.startswith(f"{name}_") for each in taken)
                name = f"{name}_{count + 1}" if count else name
            else:
                previous = name
            taken.add(name)
            return type(operation).from_config({**operation.get_config(), "name": name})

        images = image_input(model.input_shape[1:3])
        inputs: Any = keras.tree.map_structure(lambda _: images, model.input)
        copy = keras.models.clone_model(model, input_tensors=inputs, clone_function=rename)
        return keras.Model(images, copy.outputs[0], name=self.name)


def _snake_case(name: str) -> str:
    """Return a class's name as Keras makes a layer's from it: "ReLU" is "re_lu"."""
    spaced = re.sub(r"([a-z])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", name))
    return re.sub(r"\W+", "", spaced).lower()
