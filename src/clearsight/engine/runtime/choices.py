"""The choices that users have for engine, device and precision, known without loading torch."""

from typing import Literal

Engine = Literal["clearsight", "keras"]
Device = Literal["cpu", "cuda"]
DeviceChoice = Literal["auto", "cpu", "cuda"]
Precision = Literal["float64", "float32", "bfloat16"]
PrecisionChoice = Literal["auto", "float64", "float32", "bfloat16"]
