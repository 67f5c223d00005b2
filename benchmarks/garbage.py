"""When a process of this suite looks for garbage."""

import atexit
import gc


def collect_seldom() -> None:
    """Collect garbage a seventieth as often, and not once more when the process ends.

    PyTorch, pandas and MLflow bring several hundred thousand objects that stay. To look through them again and
    again is a sixth of the time that they take to import, and to do so at the end is another second.
    """
    gc.set_threshold(50_000)
    # Frozen objects are left out of the interpreter's last collection; their memory is given back all the same.
    atexit.register(gc.freeze)
