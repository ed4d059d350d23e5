"""JSON of unknown origin, read as strictly as the C++ library reads it (`json.hpp`)."""

from __future__ import annotations

import json
import math
from typing import NoReturn

from pydantic import JsonValue

from sentio.errors import CorruptStore

__all__ = ["MOST_DEPTH", "parse_json"]

MOST_DEPTH = 64  # as kMaxDepth of json.cpp
_INT64 = range(-(1 << 63), 1 << 63)
_LONGEST_INT64 = 20  # characters; a number of more is not read as a whole one, which takes long


def parse_json(text: bytes, where: str) -> JsonValue:
    """Read one JSON document (RFC 8259) that a program wrote for programs.

    A whole number beyond int64 becomes a float, as in C++.

    Args:
        text: UTF-8, without a byte order mark.
        where: the document's name, for messages.

    Raises:
        CorruptStore: it is not JSON, is nested deeper than `MOST_DEPTH`, has a key twice in one object, a
            number that is not finite, or a text or key that is not printable ASCII, which could break a
            report's line or look like another.
    """
    try:
        document: JsonValue = json.loads(
            text.decode("utf-8"),
            object_pairs_hook=_object,
            parse_int=_whole,
            parse_float=_number,
            parse_constant=_refuse_constant,
        )
        _check(document, 0)
    except RecursionError:
        raise CorruptStore(where, _too_deep()) from None
    except UnicodeDecodeError:
        raise CorruptStore(where, "is not UTF-8 text") from None
    except json.JSONDecodeError as error:
        raise CorruptStore(where, f"is not JSON: {error}") from None
    except ValueError as error:
        raise CorruptStore(where, str(error)) from None
    return document


def _object(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    members: dict[str, JsonValue] = {}
    for key, value in pairs:
        if key in members:
            raise ValueError(f"has the key {key!a} twice in one object")
        members[key] = value
    return members


def _whole(digits: str) -> int | float:
    if len(digits) <= _LONGEST_INT64 and int(digits) in _INT64:
        return int(digits)
    return _number(digits)


def _number(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise ValueError(f"has a number that no float64 holds: {digits[:40]}")
    return value


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"is not JSON: {word} is not a number of it")


def _check(value: JsonValue, depth: int) -> None:
    if isinstance(value, str) and not (value.isascii() and value.isprintable()):
        raise ValueError(f"has a text that is not printable ASCII: {value[:40]!a}")
    if not isinstance(value, dict | list):
        return
    if depth == MOST_DEPTH:
        raise ValueError(_too_deep())
    for inner in [*value, *value.values()] if isinstance(value, dict) else value:
        _check(inner, depth + 1)


def _too_deep() -> str:
    return f"is nested deeper than {MOST_DEPTH} levels"
