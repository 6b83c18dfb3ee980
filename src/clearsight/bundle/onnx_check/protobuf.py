"""`MessageReader`: a strict reader of protobuf's wire format.

It accepts less than protobuf: a field that is not expected, or is given twice although it holds one
value, is an error. So no other reader can find something in a message that this one has not seen.
The format: https://protobuf.dev/programming-guides/encoding/
"""

import struct
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

_VARINT, _FIXED_64, _LENGTH, _FIXED_32 = 0, 1, 2, 5
_MAX_TAG = 2**29 * 8
_MAX_VARINT_BYTES = 10
_MAX_FIELDS = 500_000  # of a whole file; a network of 10,000 nodes has 300,000
_MAX_PACKED_BYTES = 1_000_000  # of attributes and shapes; weights are not read one by one


class Field(NamedTuple):
    """An expected field of a message.

    Attributes:
        name: in the schema.
        kind: "integer" (int64, int32, an enumeration), "float", "bytes" for a message or a tensor's
            values, "text", "ignored", or "refused" like a field that is not known, but by its name.
        is_repeated: whether it may be given more than once.
    """

    name: str
    kind: Literal["integer", "float", "bytes", "text", "ignored", "refused"]
    is_repeated: bool = False


Message = dict[str, Any]  # by field name: a value, or a list of them if it is repeated


class MessageReader:
    """Reads the messages of one file, up to a number of fields in all."""

    def __init__(self) -> None:
        self._num_fields = 0

    def read(self, data: memoryview, schema: Mapping[int, Field]) -> Message:
        """Read a message: each field's value, a list if it is repeated.

        A field that is absent, or ignored, is absent from the result. "bytes" are views of `data`.

        Raises:
            ValueError: if it is not a message of these fields.
        """
        found: Message = {}
        for number, wire_type, value in self._fields(data):
            field = schema.get(number)
            if field is None:
                raise ValueError(f"it has an unexpected field {number}")
            if field.kind == "refused":
                raise ValueError(f"it has {field.name}, which clearsight never writes")
            if field.kind == "ignored":
                continue
            if field.is_repeated:
                found.setdefault(field.name, []).extend(_decode_all(field, wire_type, value))
            elif field.name in found:
                raise ValueError(f"it has the field {field.name} twice")
            else:
                found[field.name] = _decode(field, wire_type, value)
        return found

    def _fields(self, data: memoryview) -> Iterator[tuple[int, int, Any]]:
        position, end = 0, len(data)
        while position < end:
            self._num_fields += 1
            if self._num_fields > _MAX_FIELDS:
                raise ValueError(f"it has more than {_MAX_FIELDS:,} fields")
            tag, position = read_varint(data, position)
            number, wire_type = tag >> 3, tag & 7
            if not number or tag >= _MAX_TAG:
                raise ValueError("a field has no valid number")
            if wire_type == _VARINT:
                value, position = read_varint(data, position)
                yield number, wire_type, value
                continue
            if wire_type == _LENGTH:
                size, position = read_varint(data, position)
            elif wire_type in (_FIXED_64, _FIXED_32):
                size = 8 if wire_type == _FIXED_64 else 4
            else:
                raise ValueError(f"a field has the unknown wire type {wire_type}")
            if size > end - position:
                raise ValueError("it is cut short")
            yield number, wire_type, data[position : position + size]
            position += size


def read_varint(data: memoryview, position: int) -> tuple[int, int]:
    """Read an unsigned number of up to 64 bits, and return the position after it.

    Raises:
        ValueError: if it is cut short or longer.

    Example:
        >>> read_varint(memoryview(bytes([0xAC, 0x02])), 0)
        (300, 2)
    """
    value = 0
    for index, byte in enumerate(data[position : position + _MAX_VARINT_BYTES]):
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            if value >= 2**64:
                break
            return value, position + index + 1
    raise ValueError("a number is cut short or longer than 64 bits")


def read_varints(data: memoryview) -> Iterator[int]:
    """Read the signed 64-bit numbers of a packed field."""
    position = 0
    while position < len(data):
        value, position = read_varint(data, position)
        yield _signed(value)


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value


def _decode(field: Field, wire_type: int, value: Any) -> Any:
    if field.kind == "integer" and wire_type == _VARINT:
        return _signed(value)
    if field.kind == "float" and wire_type == _FIXED_32:
        return struct.unpack("<f", value)[0]
    if field.kind in ("bytes", "text") and wire_type == _LENGTH:
        return value if field.kind == "bytes" else str(value, "utf-8")
    raise ValueError(f"its field {field.name} has the wire type {wire_type}")


def _decode_all(field: Field, wire_type: int, value: Any) -> list[Any]:
    """Decode one value of a repeated field, or several that are packed."""
    is_packed = wire_type == _LENGTH and field.kind in ("integer", "float")
    if is_packed and len(value) > _MAX_PACKED_BYTES:
        raise ValueError(f"its field {field.name} has {len(value):,} bytes")
    if wire_type == _LENGTH and field.kind == "integer":
        return list(read_varints(value))
    if wire_type == _LENGTH and field.kind == "float":
        if len(value) % 4:
            raise ValueError(f"its field {field.name} is cut short")
        return [number for (number,) in struct.iter_unpack("<f", value)]
    return [_decode(field, wire_type, value)]
