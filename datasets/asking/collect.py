"""Diagnostic text from a vision language model: asks what a plan still lacks and keeps each answer at once.

Source: the paper, section 3.2 (qwen-vl-max with its sampling settings, five prompts); wording, slices and
filter are our own. The offline choice is `strokebench.datasets.texts.writer`.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from strokebench.datasets.asking.answers import AnswerStore, Question
from strokebench.datasets.asking.client import Unanswered, VisionClient
from strokebench.datasets.asking.pace import Pace
from strokebench.datasets.asking.plan import TextPlan
from strokebench.datasets.asking.service import ChatService
from strokebench.datasets.images.slices import make_slices
from strokebench.errors import StrokebenchError

GIVE_UP_AFTER = 10
"""Questions in a row without an answer, each after all its tries, after which the rest is not asked."""


@dataclass
class Collected:
    """What came of a plan.

    Args:
        answered: answers that are kept.
        failures: question -> why it has no answer.
        unreadable: patient -> why no pictures could be made; nothing was asked about them.
        stopped: why the rest was not asked; empty if all was.
    """

    answered: int = 0
    failures: dict[Question, str] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    stopped: str = ""
    interrupted: bool = False

    @property
    def complete(self) -> bool:
        """Every question has its answer."""
        return not (self.failures or self.unreadable or self.stopped or self.interrupted)


def collect(
    plan: TextPlan,
    service: ChatService,
    store: AnswerStore,
    timeout: float = 120.0,
    tries: int = 6,
    concurrency: int = 4,
    per_minute: float = 60.0,
    on_question: Callable[[], None] = lambda: None,
) -> Collected:
    """Ask what a plan still lacks. Each answer is on the disk before the next is asked for.

    A question that fails does not stop the others; the next call asks it again. Ctrl-C starts no further
    request, waits for those on their way, which may be paid for, and returns; a second one does not wait.

    Args:
        timeout: seconds until a request is given up.
        tries: requests for one answer at most.
        concurrency: requests at a time.
        per_minute: requests a minute at most; 0: no limit.
        on_question: called whenever a question is done with.

    Raises:
        StrokebenchError: `openai` is missing, or another process writes to the store.
    """
    if concurrency < 1:
        raise StrokebenchError(f"{concurrency} requests at a time.", "At least one is needed.")
    with store.writing():
        # The plan may have been made while another process was still collecting.
        stored = [question.key for question, _ in store.answers()]
        have = set(stored[plan.seen :])
        questions = [question for question in plan.missing if question.key not in have]
        client = VisionClient(service, plan.model, plan.sampling, timeout, tries, Pace(per_minute))
        return asyncio.run(_Collection(plan, client, store, on_question).run(questions, concurrency))


class _Collection:
    def __init__(
        self, plan: TextPlan, client: VisionClient, store: AnswerStore, on_question: Callable[[], None]
    ) -> None:
        self.plan, self.client, self.store, self.on_question = plan, client, store, on_question
        self.result = Collected()
        self.failed_in_a_row = 0
        self.workers: list[asyncio.Task[None]] = []
        self.pictures: dict[str, asyncio.Task[list[bytes]]] = {}
        self.questions_left: Counter[str] = Counter()
        self.answered_before = Counter(question.key for question, _ in store.answers())

    async def run(self, questions: list[Question], concurrency: int) -> Collected:
        self.questions_left.update(question.patient for question in questions)
        waiting = iter(questions)
        async with self.client:
            self.workers = [asyncio.create_task(self._work(waiting)) for _ in range(concurrency)]
            # An error, as of a full disk, ends all: no answer is paid for that cannot be kept.
            try:
                await asyncio.wait(self.workers, return_when=asyncio.FIRST_EXCEPTION)
            except asyncio.CancelledError:
                # Ctrl-C; a second one is a KeyboardInterrupt, here and now.
                self.result.interrupted = True
                self._stop()
                await asyncio.wait(self.workers, return_when=asyncio.FIRST_EXCEPTION)
            for worker in self.workers:
                worker.cancel()
            # All are waited for: asyncio prints a traceback of an error that nobody took.
            for error in await asyncio.gather(*self.workers, return_exceptions=True):
                if isinstance(error, Exception):
                    raise error
        return self.result

    def _stop(self) -> None:
        """Start no further request; those on their way, which may be paid for, are waited for."""
        self.client.stopped = True
        for worker in set(self.workers) - self.client.at_work:
            worker.cancel()

    async def _work(self, waiting: Iterator[Question]) -> None:
        for question in waiting:
            if self.client.stopped:
                return
            await self._answer(question)
            self.on_question()

    async def _answer(self, question: Question) -> None:
        try:
            pictures = await self._pictures_of(question.patient)
        except StrokebenchError as error:
            self.result.unreadable[question.patient] = str(error)
            return

        def on_failure(error: Unanswered) -> None:
            self.store.add_failure(question, error.kind, error.reason, error.billed)

        try:
            occasion = f"{question.number} {self.answered_before[question.key]}"
            answer = await self.client.ask(question.prompt, pictures, occasion, on_failure)
        except Unanswered as error:
            self.result.failures[question] = str(error)
            self.failed_in_a_row += 1
            if error.fatal or self.failed_in_a_row >= GIVE_UP_AFTER:
                self.result.stopped = self.result.stopped or f"{self.client.service.host}: {error}"
                self._stop()
            return
        self.store.add(question, answer)
        self.result.answered += 1
        self.failed_in_a_row = 0

    async def _pictures_of(self, patient: str) -> list[bytes]:
        """Pictures of a volume, made once for all questions about it and then forgotten."""
        if patient not in self.pictures:
            volume = self.plan.volumes[patient], self.plan.slices, self.plan.reading
            self.pictures[patient] = asyncio.create_task(asyncio.to_thread(make_slices, *volume))
        task = self.pictures[patient]
        self.questions_left[patient] -= 1
        if not self.questions_left[patient]:
            del self.pictures[patient]
        return await task
