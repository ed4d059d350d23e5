"""Configuration documents: YAML in which a key stands once, `1e-3` is a number and `on` is a word."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import yaml

from sentio.errors import ConfigError, UsageError

__all__ = ["as_settings", "parse_setting", "read_yaml"]

_BOOL, _FLOAT, _MERGE = (f"tag:yaml.org,2002:{name}" for name in ("bool", "float", "merge"))


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, closer to YAML 1.2."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[object] = set()
        for key_node, _ in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            if key is None or key_node.tag == _MERGE:
                continue
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


# YAML 1.1 reads `on`, `no` and `y` as booleans; ON and NO are also tickers.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _BOOL]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(_BOOL, re.compile(r"true|True|TRUE|false|False|FALSE"), list("tTfF"))
# YAML 1.1 wants a dot in every float.
_Loader.add_implicit_resolver(
    _FLOAT, re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+\Z"), list("-+0123456789")
)


def read_yaml(file: Path) -> dict[str, Any]:
    """Read a document whose outermost level is keys with values.

    Raises:
        ConfigError: it cannot be read, is not YAML, or holds something else.
    """
    try:
        text = file.read_text("utf-8")
    except FileNotFoundError:
        raise ConfigError(str(file), "does not exist") from None
    except UnicodeDecodeError:
        raise ConfigError(str(file), "is not UTF-8 text") from None
    document = _parse(text, str(file))
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ConfigError(str(file), "is not a list of `key: value` lines")
    return {str(key): value for key, value in document.items()}


def as_settings(document: Mapping[str, Any], above: str = "") -> list[str]:
    """A document as `KEY=VALUE` a value, as after `--set`."""
    settings: list[str] = []
    for key, value in document.items():
        if isinstance(value, dict):
            settings += as_settings(value, f"{above}{key}.")
        else:
            settings.append(f"{above}{key}={value}")
    return settings


def parse_setting(text: str) -> tuple[list[str], Any]:
    """Split `KEY=VALUE`, as after `--set`.

    Returns:
        The steps of the dotted key, and the value as YAML reads it.
    """
    key, separator, value = text.partition("=")
    if not separator or not all(key.split(".")):
        raise UsageError(f"--set {text}", "is not KEY=VALUE", hint="for example: --set max_epochs=2")
    return key.split("."), _parse(value, f"--set {text}")


def _parse(text: str, where: str) -> Any:
    try:
        return yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"{where}, line {mark.line + 1}" if mark else where
        raise ConfigError(place, error.problem or "is not YAML") from None
    except yaml.YAMLError as error:
        raise ConfigError(where, f"is not YAML: {error}") from None
