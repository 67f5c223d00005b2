"""A model repository of the hub: which of its files make the model, at one commit, the same every time."""

import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from strokebench.datasets.encoders.contract import About
from strokebench.datasets.encoders.weights import (
    Published,
    find_weights,
    first_line,
    folder_or_cache,
    load_state,
    locked,
    not_had,
    weights_digest,
)
from strokebench.errors import StrokebenchError
from strokebench.files import digest, read_json

CONFIG = "config.json"
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
"""In the order of preference; a model that is published in several parts is not read."""
CARD = "README.md"
WANTED = (
    *(CONFIG, CARD, "preprocessor_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"),
    *("vocab.txt", "vocab.json", "merges.txt", "spm.model", "spiece.model", "sentencepiece.bpe.model", "bpe.codes"),
    *WEIGHTS,
)
"""Files that are fetched, where the repository has them: nothing that would have to be run."""

MOST_LAYERS = 1000
"""Of a model whose settings are believed: each is built before its weights are read."""


@dataclass(frozen=True)
class Repository:
    """A model of transformers.

    Args:
        name: `owner/name`. revision: a commit, tag or branch; of a branch its commit of first use.
        weights: folder with its files, or with a subfolder of its name; None: the hub.
    """

    name: str
    revision: str
    weights: Path | None = None

    @classmethod
    def parse(cls, given: str, weights: Path | None) -> Self:
        """Read `owner/name@revision`.

        Raises:
            StrokebenchError: it is not of this form.
        """
        if not (found := re.fullmatch(r"(\w[\w.-]{0,95}/\w[\w.-]{0,95})@(\w[\w.-]{0,95})", given, re.ASCII)):
            raise StrokebenchError(
                f"hf:{given[:99]} does not name a model.",
                "Write hf:owner/name@revision; a commit as revision is the same model next year.",
            )
        return cls(found[1], found[2], weights)

    def __str__(self) -> str:
        short = self.revision[:10] if re.fullmatch("[0-9a-f]{40}", self.revision) else self.revision
        return f"{self.name}@{short}"

    @cached_property
    def files(self) -> dict[str, Path]:
        """Path of each file by name, fetched where need be and checked as `find_weights` does.

        Raises:
            StrokebenchError: they cannot be had, or are no model.
        """
        listed = [part for part in self._listed(locked(str(self))) if part.file in (CONFIG, *WEIGHTS)]
        weights = folder_or_cache(listed, self.weights)
        parts = self._local(weights) if weights else self._on_hub()
        found = {part.file: find_weights(part, weights) for part in parts}
        if CONFIG not in found or not found.keys() & {*WEIGHTS}:
            raise StrokebenchError(
                f"{self} is no model that can be read: it needs {CONFIG}, and {' or '.join(WEIGHTS)} in one piece.",
                "Take another repository or revision.",
            )
        return found

    @property
    def published(self) -> tuple[Published, ...]:
        """Its files as far as the hub has listed them; until then one that stands for all."""
        listed = self._listed(locked(str(self)))
        return listed or (Published(self.name, "all files", "size not asked yet", self.revision),)

    def fingerprint(self) -> str:
        """SHA-256 of everything that decides what the model gives."""
        return digest({name: weights_digest(path) for name, path in self.files.items() if name != CARD})

    def about(self) -> About:
        """What its card says."""
        from huggingface_hub import ModelCardData, RepoCard

        source = f"https://huggingface.co/{self.name}"
        if not (card := self.files.get(CARD)):
            return About(source=source)
        try:
            said = RepoCard.load(card, ignore_metadata_errors=True).data
        except Exception:
            # A card that cannot be read says nothing.
            said = ModelCardData()
        trained_on = said.get("datasets") or ()
        names = (trained_on,) if isinstance(trained_on, str) else tuple(map(str, trained_on))
        return About(licence=str(said.get("license") or ""), trained_on=names, source=source)

    def settings(self, name: str) -> dict[str, Any]:
        """One of its files of settings; empty where it has none of this name.

        Raises:
            StrokebenchError: it holds something else.
        """
        found = read_json(self.files[name]) if name in self.files else {}
        if not isinstance(found, dict):
            raise StrokebenchError(f"{self.files[name]} holds no settings.", f"Give the file of {self}.")
        return found

    def state(self) -> dict[str, Any]:
        """Its tensors by name; see `load_state`."""
        return load_state(self.weights_file)

    @property
    def weights_file(self) -> Path:
        """Its file of tensors."""
        files = self.files
        return next(files[name] for name in WEIGHTS if name in files)

    def _local(self, weights: Path) -> list[Published]:
        folder = weights / self.name.rpartition("/")[2]
        folder = folder if folder.is_dir() else weights
        names = [name for name in WANTED if (folder / name).is_file()]
        if CONFIG not in names:
            raise StrokebenchError(
                f"{weights} holds no {CONFIG} of {self}.", f"Put its files there, or into {folder.name}."
            )
        return [Published(self.name, name, "", self.revision) for name in _needed(names)]

    def _on_hub(self) -> tuple[Published, ...]:
        known = locked(str(self))
        if not known:
            from huggingface_hub import HfApi

            endpoint = os.environ.get("HF_ENDPOINT") or None
            try:
                info = HfApi(endpoint, token=False).model_info(self.name, revision=self.revision, files_metadata=True)
            except Exception as error:
                # As of `find_weights`.
                raise not_had(f"The list of files of {self}", error) from None
            sizes = {file.rfilename: file.size or 0 for file in info.siblings or ()}
            wanted = {name: sizes[name] for name in _needed([name for name in WANTED if name in sizes])}
            known = locked(str(self), {"commit": info.sha, "files": wanted})
        return self._listed(known)

    def _listed(self, known: dict[str, Any]) -> tuple[Published, ...]:
        from rich.filesize import decimal

        return tuple(
            Published(self.name, name, decimal(size), known["commit"]) for name, size in known.get("files", {}).items()
        )


@dataclass(frozen=True)
class OfRepository:
    """What encoders share that are a model of the hub."""

    repository: Repository

    @classmethod
    def parse(cls, given: str, weights: Path | None) -> Self:
        """Of `owner/name@revision`."""
        return cls(Repository.parse(given, weights))

    @property
    def published(self) -> tuple[Published, ...]:
        """Its files, as `Repository.published`."""
        return self.repository.published


def _needed(names: list[str]) -> list[str]:
    return [name for name in names if name != WEIGHTS[1] or WEIGHTS[0] not in names]


def load_model(kind: Any, config: Any, state: dict[str, Any], path: Path, source: str) -> Any:
    """A model of transformers with these tensors; the package itself opens no file, so that only tensors get in.

    Args:
        kind: its class, e.g. `BertModel`. config: its settings. state: tensors by name, of the file `path`.
        source: where the right file is from.

    Raises:
        StrokebenchError: the tensors are not the model's.
    """
    import torch

    try:
        model, report = kind.from_pretrained(
            None, config=config, state_dict=state, output_loading_info=True, dtype=torch.float32
        )
    except (RuntimeError, ValueError, TypeError) as error:
        raise StrokebenchError(
            f"{path} does not fit its {CONFIG}: {first_line(error)}", f"Give the files of {source}."
        ) from None
    # The pooler is not read; published files come with and without it.
    missing = sorted(name for name in report["missing_keys"] if not name.startswith("pooler."))
    if missing or report["mismatched_keys"]:
        raise StrokebenchError(
            f"{path} lacks {len(missing)} of the model's tensors"
            f" ({', '.join(missing[:2]) or 'of other sizes: ' + str(sorted(report['mismatched_keys'])[0][0])}).",
            f"Give the files of {source}.",
        )
    return model.eval()


def load_repository(repository: Repository) -> Any:
    """The model of a repository, without the heads of what it was trained for.

    Raises:
        StrokebenchError: transformers does not know it without running code of the repository, or it is damaged.
    """
    import torch
    from transformers import AutoConfig, AutoModel

    try:
        # Without the last word a terminal is asked whether to run the repository's code.
        folder = repository.files[CONFIG].parent
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        if getattr(config, "num_hidden_layers", 0) > MOST_LAYERS:
            raise ValueError(f"{config.num_hidden_layers} layers")
        with torch.device("meta"):
            model = AutoModel.from_config(config, trust_remote_code=False)
        if (size := sum(part.numel() for part in model.parameters())) > repository.weights_file.stat().st_size:
            raise ValueError(f"its {CONFIG} tells of {size:,} numbers, more than its weights can hold")
    except Exception as error:
        # Each model's own class judges its settings.
        raise StrokebenchError(
            f"{repository} is no model that transformers knows: {first_line(error)}",
            "Models that bring code of their own are not run; write an encoder for it (see CONTRIBUTING).",
        ) from None
    return load_model(type(model), config, repository.state(), repository.weights_file, str(repository))
