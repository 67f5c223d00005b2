"""Whether work that may go to a GPU goes there, when the user leaves it open."""

LEAST_FREE = 2**30
"""Bytes of free device memory below which `auto` leaves a GPU alone."""


def has_room() -> bool:
    """Whether PyTorch sees a GPU, and one with a gigabyte free."""
    # To import PyTorch takes seconds.
    from torch import cuda

    return cuda.is_available() and cuda.mem_get_info()[0] >= LEAST_FREE
