"""Another package, as an installer would leave it on the path: a module and its entry points."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest


def install(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, source: str, points: Mapping[str, Mapping[str, str]]
) -> None:
    """Write the package `name` 1.0 with one module of that name, and put it on this process's path.

    Args:
        points: noun in the plural (`methods`) -> name -> attribute of the module.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.py").write_text(source)
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    groups = [
        "\n".join([f"[strokebench.{group}]", *(f"{point} = {name}:{value}" for point, value in named.items())])
        for group, named in points.items()
    ]
    (info / "entry_points.txt").write_text("\n".join(groups) + "\n")
    monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(str(folder))
