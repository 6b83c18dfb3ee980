"""The settings of a layer that shape its output, as values and in words."""

from typing import Any

from clearsight.models.backend import keras

_SETTINGS = (
    "filters", "units", "kernel_size", "pool_size", "strides", "padding", "dilation_rate", "groups",
    "depth_multiplier", "use_bias", "activation", "rate", "data_format",
)  # fmt: skip


def get_settings(layer: Any) -> dict[str, Any]:
    """Return the values of a layer's Keras configuration that shape its output."""
    if isinstance(layer, keras.Model) or not isinstance(layer, keras.Layer):
        return {}
    configuration = layer.get_config()
    return {name: configuration[name] for name in _SETTINGS if name in configuration}


def describe_settings(settings: dict[str, Any]) -> str:
    """Describe a layer's settings in words; "" for a layer that has none.

    Example:
        >>> settings = {"filters": 32, "kernel_size": (3, 3), "strides": (1, 1), "padding": "same"}
        >>> describe_settings({**settings, "activation": "relu"})
        '32 filters 3x3, stride 1, padding same, relu'
    """
    words = []
    window = settings.get("kernel_size", settings.get("pool_size"))
    if "filters" in settings:
        words.append(f"{settings['filters']} filters {_by(window)}")
    elif window is not None:
        words.append(f"{'kernel' if 'kernel_size' in settings else 'window'} {_by(window)}")
    if "units" in settings:
        words.append(f"{settings['units']} units")
    if settings.get("depth_multiplier", 1) != 1:
        words.append(f"{settings['depth_multiplier']} outputs per channel")
    if window is not None and "strides" in settings:
        words.append(f"stride {once(settings['strides'])}")
    if isinstance(settings.get("padding"), str):
        words.append(f"padding {settings['padding']}")
    if once(settings.get("dilation_rate", 1)) != "1":
        words.append(f"dilation {once(settings['dilation_rate'])}")
    if settings.get("groups", 1) != 1:
        words.append(f"{settings['groups']} groups")
    if settings.get("use_bias") is False:
        words.append("no bias")
    if "rate" in settings:
        words.append(f"rate {settings['rate']:g}")
    if "activation" in settings:
        words.append(_activation_name(settings["activation"]))
    return ", ".join(words)


def _by(sizes: Any) -> str:
    return "x".join(map(str, sizes)) if isinstance(sizes, list | tuple) else str(sizes)


def once(sizes: Any) -> str:
    """Write sizes along rows and columns, once if they are equal.

    Example:
        >>> once((2, 2)), once((2, 1))
        ('2', '2x1')
    """
    are_equal = isinstance(sizes, list | tuple) and len(set(sizes)) == 1
    return _by(sizes[0] if are_equal else sizes)


def _activation_name(activation: Any) -> str:
    """Return the name of an activation as Keras's configuration holds it."""
    if isinstance(activation, dict):  # a function or a layer of one's own
        named = activation.get("config")
        return named if isinstance(named, str) else str(activation.get("class_name"))
    return "no activation" if activation in (None, "linear") else str(activation)
