"""A PostgreSQL server of a test's own, where the programs for one are installed."""

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = [
    *sorted(Path("/usr/lib/postgresql").glob("*/bin")),
    *(Path(found).parent for found in [shutil.which("initdb")] if found),
]
"""Folders that hold them."""


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """Its URL, while it runs in `folder`.

    It refuses to run as root; root starts it as `nobody`.
    """
    programs, data = PROGRAMS[-1], folder / "data"
    data.mkdir(parents=True)
    owner = pwd.getpwnam("nobody") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
    if os.getuid() == 0:
        # Every folder above must be open to it.
        for part in [folder, *folder.parents]:
            if part.stat().st_uid == 0 and not part.stat().st_mode & 1:
                part.chmod(part.stat().st_mode | 0o711)
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        os.chown(data, owner.pw_uid, owner.pw_gid)
    user = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []} if os.getuid() == 0 else {}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {"check": True, "cwd": folder, "stdout": subprocess.DEVNULL, **user}
    subprocess.run([programs / "initdb", "-D", data, "-U", "tester", "-A", "trust", "--no-sync"], **common)
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
    control = [programs / "pg_ctl", "-D", data, "-w", "-l", folder / "log"]
    subprocess.run([*control, "-o", options, "start"], **common)
    try:
        yield f"postgresql://tester@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], **common)
