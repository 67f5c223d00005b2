"""Published weights: from the Hugging Face hub or a local folder, and the same bytes every time.

A file is checked twice. Against what the hub publishes: its cache names a file by the digest that the hub
states (SHA-256 of a large file, Git's SHA-1 of a small one). And against `lock.json` below `home("weights")`,
where size and SHA-256 are written on first use: from then on, other bytes under that name are an error.
Neither digest is part of this program where the publishers print none that could be quoted.
"""

import hashlib
import os
import re
import shutil
import time
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from strokebench.errors import StrokebenchError
from strokebench.files import atomic_path, file_digest, home, read_json, write_json

JUST_NOW = 2 * 10**9
"""Nanoseconds in which a file may have been written twice under one time, by the clock of its disk."""


@dataclass(frozen=True)
class Published:
    """A file of a model repository on the hub.

    Args:
        repository: `owner/name`.
        file: its name there, and in a local folder.
        size: rough size for the one who has to fetch it, e.g. `185 MB`.
        revision: a commit, tag or branch.
        sha256: of the file, where it is known beforehand.
    """

    repository: str
    file: str
    size: str
    revision: str = "main"
    sha256: str = ""

    def __str__(self) -> str:
        at = "" if self.revision == "main" else f"@{self.revision}"
        return f"{self.repository}{at}/{self.file}"


def find_weights(published: Published, folder: Path | None) -> Path:
    """Path of the file, checked; downloaded if need be.

    Args:
        folder: where to look instead of the hub: for the file itself or for a subfolder named as the repository
            (`biobert-base-cased-v1.1/config.json`). None: the hub (`HF_ENDPOINT` for another one), cached below
            `home("weights")`, and not asked again for what is there.

    Raises:
        StrokebenchError: not in the folder; no network; the hub has no such file; other bytes than published
            or than on first use.
    """
    path = _download(published) if folder is None else _local(published, folder)
    if published.sha256 and (found := weights_digest(path)) != published.sha256:
        raise StrokebenchError(
            f"{path} is not the {published} that is meant: its SHA-256 is {found[:16]}..., not"
            f" {published.sha256[:16]}...",
            "Fetch it again.",
        )
    _check_lock(published, path)
    return path


def weights_digest(path: Path) -> str:
    """SHA-256 of a file of weights; a process reads one that has not changed once, for several questions are asked."""
    path = path.resolve()
    told = path.stat()
    if time.time_ns() - told.st_ctime_ns < JUST_NOW:
        return file_digest(path)
    return _known_digest(path, told.st_size, told.st_mtime_ns, told.st_ctime_ns, told.st_ino)


@lru_cache(maxsize=128)
def _known_digest(path: Path, *_: int) -> str:
    return file_digest(path)


def keep_weights(published: Published, folder: Path | None = None) -> Path:
    """`find_weights` for what fits read, in processes that know no folder: a file of one is kept below
    `home("weights")`, where it is looked for first."""
    own = home("weights", published.file)
    if folder is not None and not own.is_file():
        given = find_weights(published, folder)
        with atomic_path(own) as path:
            shutil.copyfile(given, path)
    return find_weights(published, own.parent if own.is_file() else None)


def folder_or_cache(files: Collection[Published], folder: Path | None) -> Path | None:
    """Where to look for all of an encoder's or method's files: `folder`, or None, the hub, where that lacks one and all
    were fetched before. One folder is given for all that a call reads, and may be another's alone."""
    if folder is None:
        return None
    try:
        for published in files:
            _local(published, folder)
    except StrokebenchError:
        return None if all(map(cached, files)) else folder
    return folder


def fetched(published: Published) -> bool:
    """Whether the file was fetched from the hub, or kept of a folder, before."""
    return cached(published) is not None or home("weights", published.file).is_file()


def cached(published: Published) -> str | None:
    """Path of a file that was fetched from the hub before."""
    import huggingface_hub

    found = huggingface_hub.try_to_load_from_cache(
        published.repository, published.file, home("weights", "hub"), published.revision
    )
    return found if isinstance(found, str) else None


def load_state(path: Path) -> dict[str, Any]:
    """Tensors of a PyTorch or safetensors file by name, without running code from it.

    A file that keeps them under `state_dict` or `network_weights` (nnU-Net's), and the `module.` that parallel training
    leaves before each name, are unwrapped.

    Raises:
        StrokebenchError: the file asks for anything but tensors, or is damaged or no PyTorch file.
    """
    import pickle

    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        safe = path.suffix == ".safetensors"
        loaded = load_file(path) if safe else torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        # PyTorch says "Unsupported global: GLOBAL os.system ..." in the midst of a page of advice.
        asked = re.search(r"GLOBAL (\S+)", str(error))
        what = f"it asks to call {asked[1]}" if asked else "or is no file of PyTorch"
        raise StrokebenchError(
            f"{path} is refused: it holds more than tensors ({what}).",
            "Such a file can run code when it is read. Use the published file, and distrust where this one is from.",
        ) from None
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, SafetensorError) as error:
        raise StrokebenchError(
            f"{path} is not a readable file of weights ({first_line(error)}).", "Fetch it again: it may be cut short."
        ) from None
    wrapped = ("state_dict", "network_weights")
    state = next((loaded[key] for key in wrapped if key in loaded), loaded) if isinstance(loaded, dict) else None
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise StrokebenchError(f"{path} holds no tensors by name.", "Give the published file of weights.")
    return {name.removeprefix("module."): value for name, value in state.items()}


def not_had(what: str, error: Exception) -> StrokebenchError:
    """That the hub did not give something, and what to do without it."""
    return StrokebenchError(
        f"{what} could not be had from {os.environ.get('HF_ENDPOINT') or 'https://huggingface.co'}:"
        f" {first_line(error)}",
        "Fetch the files on another machine and give their folder with --weights, set HF_ENDPOINT to a mirror, or take"
        " the embedded encoders and other methods, which need no download.",
    )


def first_line(error: BaseException) -> str:
    """The first line of an error's text, short."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].strip()[:160]


def _local(published: Published, folder: Path) -> Path:
    name = published.repository.rpartition("/")[2]
    for path in (folder / name / published.file, folder / published.file):
        if path.is_file():
            return path
    raise StrokebenchError(
        f"{folder} holds no {published.file} of {published.repository} ({published.size}).",
        f"Put it there, or into a subfolder {name}.",
    )


def _download(published: Published) -> Path:
    import huggingface_hub

    if found := cached(published):
        _check_published(published, Path(found))
        return Path(found)
    endpoint = os.environ.get("HF_ENDPOINT") or None
    try:
        # These repositories are public: a login of the user is nobody's business.
        # A download tries a dead connection for half a minute; this asks once.
        url = huggingface_hub.hf_hub_url(
            published.repository, published.file, revision=published.revision, endpoint=endpoint
        )
        huggingface_hub.get_hf_file_metadata(url, token=False, endpoint=endpoint)
        path = huggingface_hub.hf_hub_download(
            published.repository,
            published.file,
            revision=published.revision,
            cache_dir=home("weights", "hub"),
            endpoint=endpoint,
            token=False,
        )
    except Exception as error:
        # What a broken connection raises depends on the client's HTTP library, which its releases exchange.
        raise not_had(f"{published.file} of {published.repository} ({published.size})", error) from None
    _check_published(published, Path(path))
    return Path(path)


def _check_published(published: Published, path: Path) -> None:
    blob = path.resolve()
    if re.fullmatch("[0-9a-f]{64}", blob.name):
        actual = weights_digest(blob)
    elif re.fullmatch("[0-9a-f]{40}", blob.name):
        content = blob.read_bytes()
        actual = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    else:
        return
    if actual != blob.name:
        path.unlink(missing_ok=True)
        blob.unlink(missing_ok=True)
        raise StrokebenchError(
            f"{published.file} of {published.repository} has the digest {actual[:16]}..., the hub publishes"
            f" {blob.name[:16]}...; the file was thrown away.",
            "Call again; if it stays so, something between here and the hub alters it.",
        )


def _check_lock(published: Published, path: Path) -> None:
    seen: dict[str, Any] = {"size": path.stat().st_size, "sha256": weights_digest(path)}
    if (first := locked(str(published), seen)) != seen:
        raise StrokebenchError(
            f"{path} ({seen['size']} bytes, SHA-256 {seen['sha256'][:16]}...) is not the {published} of first use"
            f" ({first['size']} bytes, {first['sha256'][:16]}...).",
            f"Fetch it again; if the change is meant, remove its entry from {home('weights', 'lock.json')}.",
        )


def locked(name: str, seen: dict[str, Any] | None = None) -> dict[str, Any]:
    """What was written of a file or repository on first use; now, where this is the first (empty without `seen`)."""
    lock = home("weights", "lock.json")
    entries: dict[str, dict[str, Any]] = read_json(lock) if lock.is_file() else {}
    if name not in entries and seen:
        write_json(lock, {**entries, name: seen})
    return entries.get(name, seen or {})
