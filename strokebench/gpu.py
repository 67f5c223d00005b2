"""Whether work that may go to a GPU goes there, when the user leaves it open."""

LEAST_FREE = 2**30
"""Bytes of free device memory below which `auto` leaves a GPU alone."""


def has_room() -> bool:
    """Whether PyTorch sees a GPU, and one with a gigabyte free; one that cannot be asked has none."""
    # To import PyTorch takes seconds.
    from torch import cuda

    try:
        return cuda.is_available() and cuda.mem_get_info()[0] >= LEAST_FREE
    except RuntimeError:
        # To ask takes a context on the GPU, for which a full one has no memory.
        return False
