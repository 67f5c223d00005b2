"""Other programs for multi-modal fusion, each in an environment of its own, and having them fit."""

import json
import os
import subprocess
import sys
import venv
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

from strokebench.benchmarks.running.backends.processes import worker_memory
from strokebench.errors import StrokebenchError
from strokebench.files import digest, home, read_json, write_json
from strokebench.reports.measured.peers import Way

SCRIPTS = Path(__file__).with_name("peer_scripts")
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass(frozen=True)
class Peer:
    """A program to be timed.

    Args:
        name: of its environment, and of its script `NAME_fit.py`.
        label: as tables show it.
        needs: what is installed first, with dependencies; separated by spaces.
        alone: what is installed afterwards without its dependencies, whose declared ranges exclude each other
            or bring what a fit never calls; empty: nothing.
    """

    name: str
    label: str
    needs: str = ""
    alone: str = ""

    @property
    def folder(self) -> Path:
        """Its environment."""
        return home("peers", self.name)

    @property
    def python(self) -> Path:
        """The interpreter that runs its script: this one, if it has no environment of its own."""
        return self.folder / "bin" / "python" if self.alone else Path(sys.executable)


OURS = Peer("ours", "strokebench")
# The same PyTorch as ours, so that the same kernels are compared.
FUSILLI = Peer(
    "fusilli",
    "fusilli 2.0.0",
    "torch==2.13.0 numpy<2 pandas<3 setuptools>=77.0.3,<81 torchmetrics==0.11.4 lightning>=2,<3 scikit-learn>=1,<2"
    " matplotlib>=3.5,<4 torch-geometric>=2,<3 tqdm",
    "fusilli==2.0.0",
)
WIDEDEEP = Peer(
    "widedeep",
    "pytorch-widedeep 1.7.0",
    "torch==2.13.0 torchvision numpy<2 pandas<3 scikit-learn scipy torchmetrics>=1.3.1 einops wrapt tqdm pyarrow>=15"
    " gensim spacy opencv-contrib-python-headless transformers>=4.37,<5 sentencepiece",
    "pytorch-widedeep==1.7.0",
)
# Without the extras that fit on GPUs or fetch its own data.
MULTABENCH = Peer(
    "multabench",
    "MulTaBench 0.1.1",
    "torch==2.13.0 numpy pandas>=2.2.2 pyarrow scikit-learn skrub transformers>=4.56 peft pillow psutil python-dotenv"
    " huggingface_hub catboost==1.2.10 xgboost-cpu==3.2.0",
    "multabench==0.1.1",
)
PEERS = {peer.name: peer for peer in (FUSILLI, WIDEDEEP, MULTABENCH)}


def build(peer: Peer) -> bool:
    """Make the environment of a peer, unless it is there; returns whether it was made now.

    Raises:
        StrokebenchError: pip cannot install it; its messages are in the file that is named.
    """
    stamp, recipe = peer.folder / "built.json", {"recipe": digest([peer.needs, peer.alone, sys.version])}
    if stamp.exists() and read_json(stamp) == recipe:
        return False
    log = home("peers", f"{peer.name}-pip.txt")
    log.parent.mkdir(parents=True, exist_ok=True)
    venv.create(peer.folder, clear=True, symlinks=True, with_pip=False)
    with log.open("w", encoding="utf-8") as file:
        for packages in (peer.needs.split(), ["--no-deps", peer.alone]):
            _pip(peer, packages, file)
    write_json(stamp, recipe)
    return True


def _pip(peer: Peer, packages: Sequence[str], log: IO[str]) -> None:
    pip = [sys.executable, "-m", "pip", "--python", str(peer.python)]
    command = [*pip, "install", "--quiet", "--no-compile", *packages]
    if subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=False).returncode:
        lines = Path(log.name).read_text(encoding="utf-8").splitlines()
        errors = [line for line in lines if line.startswith("ERROR")] or lines or ["no message"]
        raise StrokebenchError(
            f"pip cannot install {peer.label}: {errors[-1]}",
            f"See {log.name}. A network or an index with these packages is needed; `--peers` leaves others out.",
        )


class Worker:
    """A process of a peer that fits on order; use as a context.

    Args:
        peer: whose script to run.
        data: folder with the arrays.
        way: on one thread, or with the threads and processes that the program takes by itself.

    Attributes:
        versions: of Python and PyTorch there.
        threads: of a matrix product that the program takes by itself.

    Raises:
        StrokebenchError: the process ended; its messages are in the file that is named.
    """

    def __init__(self, peer: Peer, data: Path, way: Way = Way.FIT) -> None:
        self.peer = peer
        self._log = data / f"{peer.name}-{way.name.lower()}-messages.txt"
        command = [str(peer.python), str(SCRIPTS / "serve.py"), f"{peer.name}_fit", str(data.absolute())]
        if way is not Way.CROSS_VALIDATION:
            command.append("--one-thread")
        pipe, environment = subprocess.PIPE, _environment(peer, way)
        with self._log.open("w", encoding="utf-8") as messages:
            # There lies what a program writes beside itself, as CatBoost does.
            self._process = subprocess.Popen(
                command, cwd=data, stdin=pipe, stdout=pipe, stderr=messages, text=True, env=environment
            )
        try:
            self.versions = self._answer()
            self.threads: int = self.versions.pop("threads")
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise

    def fit(self, network: str, folds: Sequence[int], epochs: int, threads: int | None = None) -> dict[str, Any]:
        """Fit each of these folds.

        Args:
            threads: of a matrix product; by default the program's own number.

        Returns:
            `seconds` of all together, `epochs` of each, `parameters` of one network.
        """
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps([network, list(folds), epochs, threads or self.threads]) + "\n")
            self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if line:
            return json.loads(line)
        lines = self._log.read_text(encoding="utf-8").splitlines() or ["no message"]
        raise StrokebenchError(f"{self.peer.label} ended: {lines[-1]}", f"See {self._log}.")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, raised: object = None, *_: object) -> None:
        # The end of its input ends it, and with it the processes that it may have started itself.
        try:
            self._process.communicate(timeout=0 if raised else 10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()


def _environment(peer: Peer, way: Way) -> dict[str, str]:
    """The variables of a peer's process: threads, and for ours the memory settings of our own workers.

    Another's Python finds nothing by the paths of this one: our folder `datasets` is called as a library is.
    """
    dropped = THREADS if peer is OURS else (*THREADS, "PYTHONPATH")
    with worker_memory() if peer is OURS else nullcontext():
        variables = {name: value for name, value in os.environ.items() if name not in dropped}
    return variables | (dict.fromkeys(THREADS, "1") if way is not Way.CROSS_VALIDATION else {})
