"""Python and C++ read the same manifests: each is spoilt, sealed again, and shown to both."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bundles import Planted, make_bundle, reseal

from sentio.bundle import load_bundle
from sentio.errors import CheckFailed, CorruptStore
from sentio.strict_json import parse_json
from sentio.verify import verify_bundle

Change = Callable[[bytes], bytes]
FORGED = "v1\nok      signature                          by the trusted key 00ff"
LARGEST_FLOAT32 = 2.0**128 - 2.0**104


def plant(*path: str | int, value: object) -> Change:
    """Put a value at a path."""

    def change(text: bytes) -> bytes:
        document = json.loads(text)
        Planted(path, value)(document)
        return json.dumps(document).encode()

    return change


def write(key: str, value: str) -> Change:
    """Put another text behind the first `"key":`, as no writer of JSON would."""

    def change(text: bytes) -> bytes:
        before, _, behind = text.decode().partition(f'"{key}": ')
        assert behind, key
        end = min(place for place in (behind.find(","), behind.find("\n")) if place >= 0)
        return f'{before}"{key}": {value}{behind[end:]}'.encode()

    return change


def nested(levels: int) -> Any:
    return json.loads("[" * levels + "]" * levels)


REFUSED: dict[str, Change] = {
    # JSON
    "byte order mark": lambda text: b"\xef\xbb\xbf" + text,
    "trailing NUL": lambda text: text + b"\0",
    "NUL and more": lambda text: text + b"\0{}",
    "trailing text": lambda text: text + b"x",
    "UTF-16": lambda text: text.decode().encode("utf-16"),
    "no UTF-8": lambda text: text.replace(b'"QQQ"', b'"\xff"'),
    "key twice": write("model_id", '"TFA", "model_id": "TFA"'),
    "key twice, inside": write("seq_len", '1, "seq_len": 1'),
    "key twice, escaped": write("seq_len", '1, "seq\\u005flen": 1'),
    "nested too deep": plant("label", "x", value=nested(63)),
    "nested beyond every stack": lambda _: b"[" * 200_000,
    "NaN": write("tolerance", "NaN"),
    "number beyond float64": write("tolerance", "1e999"),
    "whole number beyond float64": write("auc_standard_error", "9" * 400),
    # Types
    "format_version true": plant("format_version", value=True),
    "format_version 1.0": plant("format_version", value=1.0),
    "format_version 2": plant("format_version", value=2),
    "threads true": plant("backends", 0, "threads", value=True),
    "threads 1.0": plant("backends", 0, "threads", value=1.0),
    "windows 256.0": plant("golden", "windows", value=256.0),
    "stress 16.0": plant("golden", "stress", value=16.0),
    "batches of floats": plant("golden", "batches", value=[1.0, 7.0, 256.0]),
    "batches with true": plant("golden", "batches", value=[True, 7, 256]),
    "seq_len 1.0": plant("input", "seq_len", value=1.0),
    "simulated 1": plant("simulated", value=1),
    "tolerance text": plant("backends", 0, "tolerance", value="1e-6"),
    # Whole numbers
    "first_ts beyond int64": plant("spans", "train", "first_ts", value=1 << 63),
    "last_ts beyond int64": plant("spans", "train", "last_ts", value=10**30),
    "horizon beyond int64": plant("label", "horizon", value=10**30),
    "count beyond int64": plant("drift", 0, "counts", value=[1 << 70] * 10),
    "count beyond all markets": plant("drift", 0, "counts", value=[(1 << 53) + 1] * 10),
    "count negative": plant("drift", 0, "counts", 9, value=-1),
    "rows beyond all markets": plant("spans", "train", "rows", value=(1 << 53) + 1),
    "interval_ns beyond int64": plant("interval_ns", value=1 << 64),
    # Texts
    "created_at a word": plant("created_at", value="yesterday"),
    "created_at without zone": plant("created_at", value="2026-01-31T12:00:00"),
    "created_at with offset": plant("created_at", value="2026-01-31T12:00:00+00:00"),
    "created_at with fraction": plant("created_at", value="2026-01-31T12:00:00.5Z"),
    "created_at with a space": plant("created_at", value="2026-01-31 12:00:00Z"),
    "created_at no day": plant("created_at", value="2026-02-29T12:00:00Z"),
    "created_at no hour": plant("created_at", value="2026-01-31T24:00:00Z"),
    "created_at leap second": plant("created_at", value="2026-01-31T23:59:60Z"),
    "created_at year 0": plant("created_at", value="0000-01-31T12:00:00Z"),
    "created_at number": plant("created_at", value=1769860800),
    "symbol a path": plant("symbol", value="../.."),
    "symbol with a line feed": plant("symbol", value="QQQ\n"),
    "symbol too long": plant("symbol", value="Q" * 33),
    "adjustment unknown": plant("adjustment", value="nonsense"),
    "interval 300s": plant("interval", value="300s"),
    "interval 05m": plant("interval", value="05m"),
    "model_id empty": plant("model_id", value=""),
    "model_id a path": plant("model_id", value="../TFA"),
    "version with a space": plant("version", value="v1  ok"),
    "version too long": plant("version", value="v" * 65),
    "forged line": plant("version", value=FORGED),
    "forged line in created_by": plant("created_by", value=FORGED),
    "forged line in a key": plant("label", FORGED, value=1),
    "forged line in an unknown key": plant(FORGED, value=1),
    "forged line in a feature": plant("features", 0, "name", value=FORGED),
    "escape": plant("timezone", value="UTC\x1b[31m"),
    "carriage return": plant("created_by", value="user\rok"),
    "delete": plant("created_by", value="user\x7f"),
    "not ASCII": plant("created_by", value="us\u00e9r@host"),
    "line separator": plant("created_by", value="user\u2028host"),
    "right to left": plant("created_by", value="user\u202ehost"),
    "lone surrogate": plant("created_by", value="\ud800"),
    "hash with a line feed": plant("chain", "bars_hash", value="a" * 64 + "\n"),
    # Numbers
    "drift that rounds to float32": plant("drift", 0, "max", value=3.4028235e38),
    "drift beyond float32": plant("drift", 0, "max", value=3.4028235677973366e38),
    "drift least beyond float32": plant("drift", 0, "min", value=-1e39),
    "deciles that ascend as float32 alone": plant(
        "drift", 0, "deciles", value=[float(k) for k in range(8)] + [7 - 1e-12]
    ),
}

ACCEPTED: dict[str, Change] = {
    "as it was written": lambda text: text,
    "in one line": lambda text: json.dumps(json.loads(text)).encode(),
    "white space behind": lambda text: text + b" \t\r\n",
    "nested as deep as may be": plant("label", "x", value=nested(62)),
    "whole number beyond int64 that nobody reads": plant("label", "x", value=10**30),
    "number below float64": plant("label", "x", value=5e-324),
    "horizon at the end of int64": plant("label", "horizon", value=(1 << 63) - 1),
    "first_ts at the end of int64": plant("spans", "train", "first_ts", value=-(1 << 63)),
    "counts as large as may be": plant("drift", 0, "counts", value=[1 << 53] * 10),
    "drift at the end of float32": plant("drift", 0, "max", value=LARGEST_FLOAT32),
    "symbol that nobody said": plant("symbol", value=""),
    "symbol of all characters": plant("symbol", value="0BRK.B_C-D"),
    "leap day": plant("created_at", value="2028-02-29T23:59:59Z"),
    "name of all characters": plant("model_id", value="0a" + "._-Z" * 15 + "zz"),
    "text of all characters": plant("created_by", value="".join(map(chr, range(32, 127)))),
}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("sound"), backends=["native"])


@pytest.fixture
def refusals(sound: Path, tmp_path: Path, sentio_cli: Path) -> Callable[[Change], tuple[str, str]]:
    """What Python and C++ say where a manifest was changed and sealed again; "" from who takes it."""

    def ask(change: Change) -> tuple[str, str]:
        bundle = Path(shutil.copytree(sound, tmp_path / "bundle"))
        manifest = bundle / "metadata.json"
        manifest.write_bytes(change(manifest.read_bytes()))
        reseal(bundle)
        python = ""
        try:
            load_bundle(bundle)
        except (CheckFailed, CorruptStore) as error:
            python = str(error)
        command = [str(sentio_cli), "verify", str(bundle)]
        done = subprocess.run(command, capture_output=True, timeout=60, check=False)
        assert done.returncode in (0, 1), done.stderr
        return python, done.stdout.decode("ascii") if done.returncode else ""

    return ask


@pytest.mark.parametrize("change", REFUSED.values(), ids=REFUSED)
def test_a_spoilt_manifest_is_refused_by_both(refusals, change):
    python, cpp = refusals(change)
    assert "metadata.json" in python
    # These lines and no others: what the bundle's maker wrote makes none.
    heads = [line.split()[:2] for line in cpp.splitlines()]
    assert heads[:2] == [["ok", "SHA256SUMS"], ["FAILED", "manifest"]]
    assert [head[0] for head in heads[2:]] == ["bundle"]
    assert "\nok " not in python


@pytest.mark.parametrize("change", ACCEPTED.values(), ids=ACCEPTED)
def test_a_manifest_at_the_limits_is_read_by_both(refusals, change):
    assert refusals(change) == ("", "")


def test_the_name_of_a_file_forges_no_line(sound, tmp_path, sentio_cli):
    bundle = Path(shutil.copytree(sound, tmp_path / "bundle"))
    (bundle / FORGED).touch()
    (check,) = verify_bundle(bundle, sentio_cli).checks
    assert r"v1\nok      signature" in check.detail
    done = subprocess.run([sentio_cli, "verify", bundle], capture_output=True, timeout=60, check=False)
    lines = done.stdout.decode("ascii").splitlines()
    assert [line.split()[0] for line in lines] == ["FAILED", "bundle"]
    assert r"v1\x0aok      signature" in lines[0]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b'{"a": [1, 2.0, null, true, "x"]}', {"a": [1, 2.0, None, True, "x"]}),
        (b"9223372036854775807", (1 << 63) - 1),
        (b"-9223372036854775808", -(1 << 63)),
        (b"9223372036854775808", 2.0**63),
        (b"-9223372036854775809", -(2.0**63)),
        (b"1e-999", 0.0),
    ],
)
def test_json_is_read_as_cpp_reads_it(text, value):
    read = parse_json(text, "x")
    assert (read, type(read)) == (value, type(value))
