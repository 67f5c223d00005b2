"""Hyper-parameters from a file, written by `strokebench tune` or by hand, and what may be said of them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml

from strokebench.benchmarks.keys.described import described, described_methods
from strokebench.errors import StrokebenchError, no_such_file, unknown_name
from strokebench.files import UNSEALED, read_sealed, seal, write_bytes

TUNED = "tuned"
"""What people call runs with parameters from a file."""
_HINT = "Write `method: svm` and below it `params:` with one `name: value` a line."


@dataclass(frozen=True)
class Tuned:
    """Parameters of one method.

    Args:
        params: the best by the mean over folds; used wherever `by_fold` does not fit.
        by_fold: `seed`, `fold`, `params`, `validation_score` and `trial` of the best trial on that fold's own
            validation part: its test part had no say in the comparison.
        strictly_nested: nor in which trials were made at all; not so where a sampler learns from other folds
            or trials were pruned by them.
        split_sha256, cohort: what it was tuned on; empty for a file written by hand.
        about: whatever else the file tells (study, trials, objective, versions).
    """

    method: str
    params: Mapping[str, Any]
    by_fold: tuple[Mapping[str, Any], ...] = ()
    strictly_nested: bool = False
    split_sha256: str = ""
    cohort: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)

    def fits(self, split_sha256: str) -> bool:
        """Whether each run of this split may use the parameters of its own fold."""
        return bool(self.by_fold) and self.split_sha256 == split_sha256

    def params_for(self, split_sha256: str, seed: int, fold: int) -> dict[str, Any]:
        """The parameters of one run.

        Raises:
            StrokebenchError: the file fits the split, but lacks this fold.
        """
        if not self.fits(split_sha256):
            return dict(self.params)
        for entry in self.by_fold:
            if (entry["seed"], entry["fold"]) == (seed, fold):
                return dict(entry["params"])
        raise StrokebenchError(
            f"The tuned parameters of {self.method} lack fold {fold} of seed {seed}.", "Run `strokebench tune` again."
        )

    def said(self, split_sha256: str, cohort: str) -> str:
        """What every output says of these parameters, for they decide how far its numbers may be trusted.

        Args:
            cohort: name of the one that they are used on.
        """
        if self.fits(split_sha256):
            if self.strictly_nested:
                return f"{self.method} tuned fold by fold on validation patients"
            return f"{self.method} tuned fold by fold on validation patients, candidates proposed by all folds"
        if not self.split_sha256:
            return f"{self.method} with parameters from a file that does not say how they were found"
        if self.cohort != cohort:
            return f"{self.method} tuned on another cohort ({self.cohort})"
        return f"{self.method} tuned on patients who may be test patients here"

    def write(self, path: Path) -> None:
        """Write as YAML with a checksum; `read_tuned` reads it."""
        values = {**asdict(self), "by_fold": [dict(entry) for entry in self.by_fold]}
        about = values.pop("about")
        text = yaml.dump({**values, **about, "checksum": UNSEALED}, Dumper=_Plain, sort_keys=False, allow_unicode=True)
        write_bytes(path, seal(text.encode()))


class _Plain(yaml.SafeDumper):
    """Equal parameters are written out each time, not as references."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


class _Loader(yaml.SafeLoader):
    """By the core schema of YAML 1.2: `1e-3` and `010` are numbers; `off`, `1:30`, `1_000` and dates are texts."""

    def construct_yaml_int(self, node: Any) -> int:
        """YAML 1.1 takes a leading zero for octal."""
        return int(node.value, 0 if node.value[:2] in ("0o", "0x") else 10)


_Loader.yaml_implicit_resolvers = {}
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)
_CORE_SCHEMA = {
    "null": "|~|null|Null|NULL",
    "bool": "true|True|TRUE|false|False|FALSE",
    "int": "[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+",
    "float": r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
}
for _kind, _pattern in _CORE_SCHEMA.items():
    for _each in (_Loader, _Plain):
        _each.add_implicit_resolver(f"tag:yaml.org,2002:{_kind}", re.compile(f"({_pattern})\\Z"), None)


def read_tuned(path: Path) -> Tuned:
    """Read a file of parameters.

    Raises:
        StrokebenchError: it is no such file, it was changed since it was written, or it names a method or parameter
            that does not exist.
    """
    try:
        found = yaml.load(read_sealed(path), _Loader)
    except StrokebenchError as error:
        raise StrokebenchError(
            error.message,
            "Run `strokebench tune` again, or take out the line `checksum` where you changed it yourself.",
        ) from None
    except FileNotFoundError:
        raise no_such_file(path) from None
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise StrokebenchError(f"{path} cannot be read: {' '.join(str(error).split())}", _HINT) from None
    if not isinstance(found, dict) or not isinstance(found.get("method"), str):
        raise StrokebenchError(f"{path} does not name a method.", _HINT)
    method = found["method"]
    if method not in described_methods():
        raise unknown_name("method", method, described_methods(), f"{path} names it. See `strokebench list methods`.")
    params = _params(found.get("params") or {}, method, path)
    by_fold = []
    if not isinstance(entries := found.get("by_fold") or [], list):
        raise StrokebenchError(f"{path}: by_fold is no list.", _HINT)
    for entry in entries:
        if not isinstance(entry, dict) or not {"seed", "fold", "params"} <= set(entry):
            raise StrokebenchError(f"{path}: an entry of by_fold lacks seed, fold or params.", _HINT)
        by_fold.append({**entry, "params": _params(entry["params"], method, path)})
    known = ("method", "params", "by_fold", "strictly_nested", "split_sha256", "cohort", "checksum")
    return Tuned(
        method,
        params,
        tuple(by_fold),
        bool(found.get("strictly_nested", False)),
        str(found.get("split_sha256") or ""),
        str(found.get("cohort") or ""),
        {name: value for name, value in found.items() if name not in known},
    )


def read_all(paths: Iterable[Path], wanted: Iterable[str] | None) -> dict[str, Tuned]:
    """Several files, one a method, of those that are `wanted` (None: all).

    Raises:
        StrokebenchError: two files of one method, a method that is not wanted, or a file that cannot be read.
    """
    found: dict[str, Tuned] = {}
    for path in paths:
        tuned = read_tuned(path)
        if tuned.method in found:
            raise StrokebenchError(f"{path}: another file gives parameters of {tuned.method} already.", "Give one.")
        if wanted is not None and tuned.method not in wanted:
            raise StrokebenchError(
                f"{path} is of {tuned.method}, which this call does not run.", f"Wanted: {', '.join(wanted)}."
            )
        found[tuned.method] = tuned
    return found


def _params(params: Any, method: str, path: Path) -> dict[str, Any]:
    if not isinstance(params, dict):
        raise StrokebenchError(f"{path}: the parameters are not `name: value`.", _HINT)
    known = sorted(set(described(method).defaults) - {"random_state"})
    for name in params:
        if name not in known:
            raise StrokebenchError(f"{path}: {method} has no parameter {name!r}.", f"It has: {', '.join(known)}.")
    return dict(params)
