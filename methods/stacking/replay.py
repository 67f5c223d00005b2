"""Work of many small operations on a GPU, launched as one: recorded once as a CUDA graph, then replayed."""

import logging
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager

import torch

_log = logging.getLogger(__name__)


class Replays:
    """Calls functions on a GPU; each again and again on tensors that lie in the same places.

    To launch the operations of a training step one by one takes many times as long as to compute them. A function
    is recorded the first time that it is called under its key, and replayed from then on: only what it does on the
    GPU is done again, so it must do the same there every time, and write its results into tensors made outside of
    it. The first function of a kind is called as it is, which lets libraries set themselves up, and shows whether it
    waits for the GPU; where it does, or cannot be recorded, functions are called as they are, as everywhere on the
    CPU.

    Args:
        device: the functions'.

    Attributes:
        on: whether functions are recorded.
    """

    def __init__(self, device: torch.device) -> None:
        self.on = device.type == "cuda"
        self._tried: set[str] = set()
        self.forget()

    def call(self, kind: str, key: Hashable, function: Callable[[], None]) -> None:
        """Do what `function` does, or did when it was first called under this kind and key."""
        if not self.on:
            function()
            return
        try:
            if kind not in self._tried:
                with _no_waiting():
                    function()
                self._tried.add(kind)
                return
            if (kind, key) not in self._graphs:
                self._graphs[kind, key] = self._record(function)
        except torch.OutOfMemoryError:
            raise
        except Exception as error:
            # What is wrong with the function itself, the next call tells.
            _log.info("Steps of this stack are not recorded: %s", error)
            self.on = False
            self.forget()
            function()
            return
        self._graphs[kind, key].replay()

    def forget(self) -> None:
        """Record all anew: tensors lie elsewhere, or something else is done."""
        self._graphs: dict[Hashable, torch.cuda.CUDAGraph] = {}
        # Of a pool whose graphs are all gone PyTorch makes no other use.
        self._pool = torch.cuda.graph_pool_handle() if self.on else None

    def _record(self, function: Callable[[], None]) -> torch.cuda.CUDAGraph:
        graph = torch.cuda.CUDAGraph()
        # While something is recorded, memory that PyTorch keeps but does not use cannot be had otherwise.
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
        # Of this thread: others may use the GPU meanwhile.
        graph.capture_begin(pool=self._pool, capture_error_mode="thread_local")
        try:
            function()
        finally:
            graph.capture_end()
        return graph


@contextmanager
def _no_waiting() -> Iterator[None]:
    """Within it, to wait for a GPU is an error."""
    before = torch.cuda.get_sync_debug_mode()
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode(before)


@contextmanager
def own_stream(device: torch.device) -> Iterator[None]:
    """Within it, work on a GPU is in a stream other than the default one, from which nothing can be recorded."""
    if device.type != "cuda":
        yield
        return
    stream = torch.cuda.Stream(device)
    stream.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(stream):
        yield
    torch.cuda.current_stream(device).wait_stream(stream)
