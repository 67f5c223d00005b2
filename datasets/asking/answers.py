"""Every answer of a language model, kept the moment it arrives: no crash makes anyone pay for it twice."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from filelock import Timeout

from strokebench.errors import StrokebenchError
from strokebench.files import digest, file_lock

SCHEMA = 1


@dataclass(frozen=True)
class Question:
    """What one answer answers; two equal questions are never paid for twice.

    Args:
        patient: id in the cohort; it stays in the store and is not sent.
        prompt: name of the prompt.
        number: 1 for the first answer to the prompt, 2 for the second, ...
        model: name of the model that is asked.
        prompt_version: `prompts.VERSION`.
        image: fingerprint of the pictures (`SliceSettings.fingerprint`).
        settings: sampling settings, as JSON.
    """

    patient: str
    prompt: str
    number: int
    model: str
    prompt_version: int
    image: str
    settings: str

    @property
    def key(self) -> str:
        """Hash of all fields."""
        return digest([getattr(self, field.name) for field in fields(self)])


@dataclass(frozen=True)
class Answer:
    """An answer as the endpoint gave it, with what it cost.

    Args:
        text: may be empty.
        finish_reason: `stop`, `length` (cut off at the limit of tokens), `content_filter`, ...
        refusal: the endpoint's own note that the model refused; empty otherwise.
        served_model: the model's name in the response; services move a name to newer weights.
        fingerprint: the response's `system_fingerprint`, where there is one.
        endpoint: host that answered.
        input_tokens, output_tokens: None where the endpoint does not count.
        seconds: time that the request took.
        at: UTC time of arrival, ISO 8601; filled by the store.
    """

    text: str
    finish_reason: str
    refusal: str = ""
    served_model: str = ""
    fingerprint: str = ""
    endpoint: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    seconds: float = 0.0
    at: str = ""


QUESTION_FIELDS = tuple(field.name for field in fields(Question))
ANSWER_FIELDS = tuple(field.name for field in fields(Answer))


class AnswerStore:
    """A SQLite file of answers and of failed requests; rows are added and never changed.

    Args:
        path: made with its folder if it is not there.

    Raises:
        StrokebenchError: not such a store, of another version, or (on writing) in use by another process.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # It names patients.
        path.touch(mode=0o600)
        # Answers come in on the event loop's thread alone, but a caller may have opened the store elsewhere.
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            # Safe against a power cut, not only against the end of the process.
            self._database.execute("PRAGMA synchronous = FULL")
            version = self._database.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                self._create()
            elif version != SCHEMA:
                raise StrokebenchError(
                    f"{path}: a store of version {version}; this program reads {SCHEMA}.",
                    "Use the version of strokebench that made it; in another file every answer is paid for again.",
                )
        except sqlite3.DatabaseError as error:
            raise StrokebenchError(f"{path}: not a store of answers ({error}).", "Give another path.") from None

    def _create(self) -> None:
        question = ", ".join(QUESTION_FIELDS)
        self._database.executescript(
            f"""BEGIN IMMEDIATE;
            CREATE TABLE IF NOT EXISTS answers (key TEXT, {question}, {", ".join(ANSWER_FIELDS)});
            CREATE INDEX IF NOT EXISTS by_key ON answers (key);
            CREATE TABLE IF NOT EXISTS failures (key TEXT, {question}, kind, reason, maybe_billed, at);
            PRAGMA user_version = {SCHEMA};
            COMMIT;"""
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Nobody else writes to this store inside the block; two writers would pay twice for one answer."""
        lock = file_lock(f"{self.path}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise StrokebenchError(
                f"{self.path}: another process is collecting answers into it.", "Wait for it, or stop it."
            ) from None
        try:
            yield
        finally:
            lock.release()

    def add(self, question: Question, answer: Answer) -> None:
        """Keep an answer; it is on the disk when this returns."""
        values = {name: getattr(answer, name) for name in ANSWER_FIELDS} | {"at": _now()}
        self._insert("answers", question, values)

    def add_failure(self, question: Question, kind: str, reason: str, maybe_billed: bool) -> None:
        """Keep that a request brought no answer, and whether the endpoint may still charge for it."""
        values = {"kind": kind, "reason": reason, "maybe_billed": int(maybe_billed), "at": _now()}
        self._insert("failures", question, values)

    def _insert(self, table: str, question: Question, values: dict[str, object]) -> None:
        row = {"key": question.key} | {name: getattr(question, name) for name in QUESTION_FIELDS} | values
        marks = ", ".join("?" * len(row))
        # Names are this module's own; only values come from outside.
        statement = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})"
        try:
            self._database.execute(statement, tuple(row.values()))
        except sqlite3.OperationalError as error:
            hint = "Make room for it; what was answered before is kept, and the same command goes on."
            raise StrokebenchError(f"{self.path} cannot be written ({error}).", hint) from None

    def latest(self) -> dict[str, Answer]:
        """The last answer to each question, by the question's key."""
        rows = self._database.execute(f"SELECT key, {', '.join(ANSWER_FIELDS)} FROM answers ORDER BY rowid")
        return {row[0]: Answer(*row[1:]) for row in rows}

    def answers(self) -> list[tuple[Question, Answer]]:
        """Every answer, in the order of arrival."""
        rows = self._database.execute(
            f"SELECT {', '.join(QUESTION_FIELDS + ANSWER_FIELDS)} FROM answers ORDER BY rowid"
        )
        n = len(QUESTION_FIELDS)
        return [(Question(*row[:n]), Answer(*row[n:])) for row in rows]

    def failures(self) -> list[tuple[Question, str, str, bool]]:
        """(question, kind, reason, may have been billed) of each request without an answer, in order."""
        rows = self._database.execute(
            f"SELECT {', '.join(QUESTION_FIELDS)}, kind, reason, maybe_billed FROM failures ORDER BY rowid"
        )
        return [(Question(*row[:-3]), row[-3], row[-2], bool(row[-1])) for row in rows]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
