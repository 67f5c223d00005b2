"""Names for patients and hospitals that only the owner of a secret can trace back."""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from strokebench.errors import StrokebenchError
from strokebench.files import csv_text, home, write_text

SECRET_BYTES = 32
SHORTEST_SECRET = 16


@dataclass(frozen=True, repr=False)
class Pseudonyms:
    """A keyed hash (HMAC-SHA-256) of ids. Without the secret, trying all ids leads nowhere.

    Args:
        secret: the salt; stays on the machines of its owner.
    """

    secret: bytes

    def patient(self, id: str) -> str:
        """`P-` and 80 bits: no two patients of a cohort share them."""
        return "P-" + self._hash(f"patient:{id}")[:20]

    def site(self, name: str) -> str:
        """`S-` and 40 bits."""
        return "S-" + self._hash(f"site:{name}")[:10]

    @property
    def mark(self) -> str:
        """Tells whether two packages used the same secret, and nothing of it."""
        return self._hash("mark")[:16]

    def _hash(self, text: str) -> str:
        return hmac.new(self.secret, text.encode(), hashlib.sha256).hexdigest()


def load_pseudonyms(salt_file: Path | None = None) -> Pseudonyms:
    """The secret of this machine, made at first use below `home("private")`, or that of a file.

    Raises:
        StrokebenchError: the file is missing or too short to be a secret.
    """
    path = salt_file or home("private", "salt")
    if salt_file is None and not path.is_file():
        _write_private(path, secrets.token_hex(SECRET_BYTES))
    return Pseudonyms(read_secret(path, "salt"))


def read_secret(path: Path, what: str) -> bytes:
    """The secret, a `salt` or a `key`, in a file, without the space around it.

    Raises:
        StrokebenchError: the file is missing or too short to be a secret.
    """
    try:
        secret = path.read_text(encoding="utf-8").strip().encode()
    except (OSError, UnicodeDecodeError) as error:
        raise StrokebenchError(f"The {what} {path} cannot be read: {error}.") from None
    if len(secret) < SHORTEST_SECRET:
        raise StrokebenchError(
            f"The {what} {path} has only {len(secret)} characters.",
            f"Use {SHORTEST_SECRET} or more random ones, the same on both machines.",
        )
    return secret


def write_key(pseudonyms: Pseudonyms, ids: Iterable[str], name: str) -> Path:
    """Write which pseudonym is which patient, readable by the user alone; returns the path."""
    key = pd.DataFrame({"patient_id": sorted(set(ids))})
    key["pseudonym"] = key["patient_id"].map(pseudonyms.patient)
    path = home("private", f"pseudonyms-{name}.csv")
    _write_private(path, csv_text(key, index=False))
    return path


def _write_private(path: Path, text: str) -> None:
    write_text(path, text, private=True)
    # A drive of Windows under WSL has no permissions to change.
    with suppress(PermissionError):
        path.parent.chmod(0o700)
