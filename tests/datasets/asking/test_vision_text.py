import asyncio
import gc
import gzip
import itertools
import json
import logging
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time
import traceback
from collections import Counter
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pytest
import stamina
from chat_server import ChatServer
from small_cohort import make_cohort

from strokebench.datasets.asking.answers import AnswerStore
from strokebench.datasets.asking.client import LONGEST_PAUSE
from strokebench.datasets.asking.collect import GIVE_UP_AFTER, collect
from strokebench.datasets.asking.pace import Pace, retry_after
from strokebench.datasets.asking.plan import Bill, Prices, estimate, make_plan
from strokebench.datasets.asking.protocol import Sampling
from strokebench.datasets.asking.service import find_service
from strokebench.datasets.images.slices import SliceSettings
from strokebench.datasets.texts.prompts import PROMPTS, QUESTIONS
from strokebench.errors import StrokebenchError

KEY = "sk-very-secret-0123456789"
SLICES = SliceSettings(count=2, size=32)
QUICK = {"timeout": 60.0, "tries": 4, "per_minute": 0}
"""A busy machine may take seconds for an answer; only what is to time out has a short timeout."""


@pytest.fixture(autouse=True)
def short_waits():
    """Requests are repeated as often as ever, but at once unless the endpoint asks to wait."""
    with stamina.set_testing(True, attempts=QUICK["tries"], cap=True):
        yield


@pytest.fixture
def cohort(tmp_path):
    return cohort_of(tmp_path, 4)


def cohort_of(folder, n):
    """A small cohort with a volume each; ids are not to be found in any request."""
    cohort = make_cohort(n)
    paths = {}
    for i, patient in enumerate(cohort.ids):
        volume = np.random.default_rng(i).integers(50, 200, (12, 12, 8)).astype(np.int16)
        volume[[0, -1]] = volume[:, [0, -1]] = 0
        paths[patient] = str(folder / f"{patient}-Mueller.nii")
        nibabel.Nifti1Image(volume, np.diag([15.0, 15, 15, 1])).to_filename(paths[patient])
    return make_cohort(n, images=pd.Series(paths))


@pytest.fixture
def store(tmp_path):
    with AnswerStore(tmp_path / "answers.sqlite") as store:
        yield store


def run(cohort, store, server, ask_again=False, answers=1, **settings):
    plan = make_plan(cohort, store, "qwen-vl-max", slices=SLICES, answers=answers, ask_again=ask_again)
    return collect(plan, find_service(server.url), store, **{**QUICK, **settings})


FAULTS = (
    "ok",
    "status:429:retry-after-ms=20",
    "status:500",
    "status:503:retry-after-ms=20",
    "cut",
    "badjson",
    "notacompletion",
    "text:",
    "refuse",
)


def test_every_answer_is_obtained_exactly_once_from_a_server_that_misbehaves(cohort, store):
    # Each question meets the next fault when it is asked first: repeats, which come when they come, use up none.
    faults = itertools.cycle(FAULTS)

    def behave(n, earlier):
        return "ok" if earlier else next(faults)

    with ChatServer(behave) as server:
        collected = run(cohort, store, server, answers=2)
        assert collected.complete and collected.answered == 40
        assert len(server.paid) == 40 and set(server.paid.values()) == {1}
        stored = store.answers()
        assert Counter(question.key for question, _ in stored) == dict.fromkeys(
            [question.key for question, _ in stored], 1
        )
        assert {(q.patient, q.prompt, q.number) for q, _ in stored} == {
            (patient, prompt, number) for patient in cohort.ids for prompt in PROMPTS for number in (1, 2)
        }
        bill = Bill.of(store)
        assert [bill.input_tokens, bill.output_tokens] == server.tokens
        assert (bill.answers, bill.uncounted) == (40, 0)

        asked = len(server.requests)
        kinds = Counter(kind for _, kind, _, _ in store.failures())
        assert sum(kinds.values()) == asked - 40
        assert {"connection", "bad response", "status 429", "status 500"} <= set(kinds)
        # A 429 is turned away at the door; whatever broke off later may be on the bill.
        assert bill.maybe_billed == asked - 40 - kinds["status 429"]

        again = run(cohort, store, server, answers=2)
        assert again.answered == 0 and again.complete and len(server.requests) == asked
        more = run(cohort, store, server, answers=3)
        assert more.answered == 20 and set(server.paid.values()) == {1}


def test_a_request_that_stalls_is_given_up_and_repeated(tmp_path, store):
    stalls = itertools.cycle(["hang", "trickle"])

    def behave(n, earlier):
        return "ok" if earlier else next(stalls)

    with ChatServer(behave) as server:
        plan = make_plan(cohort_of(tmp_path, 1), store, "m", slices=SLICES, prompts=PROMPTS[:2])
        collected = collect(plan, find_service(server.url), store, **{**QUICK, "timeout": 1.0})
    assert collected.complete and collected.answered == 2
    assert {kind for _, kind, _, _ in store.failures()} == {"timeout"}


def answer_of(content="Left infarct.", **more):
    return json.dumps({"choices": [{"message": {"content": content}, "finish_reason": "stop"}], **more})


BAD_ANSWERS = {
    "half characters": "body::" + answer_of("Left \ud800 infarct."),
    "half characters elsewhere": "body::" + answer_of(model="\udfff"),
    "other bytes than UTF-8": 'body::{"choices": "\xff\xfe"}',
    "a number of 5000 digits": "body::" + answer_of(usage={"prompt_tokens": 7}).replace("7", "7" * 5000),
    "deep": "body::" + "[" * 100_000,
    "deep within": "body::" + answer_of(seen=1).replace("1", '{"a":' * 50_000 + "1" + "}" * 50_000),
    "large": "body::" + answer_of("x" * 2_000_000),
    "endless": "endless",
    "packed": "body:content-encoding=gzip:" + gzip.compress(answer_of("x" * 10_000_000).encode()).decode("latin-1"),
    "an error in half characters": 'status:400:body={"error": {"message": "\\ud800"}}',
    "a deep error": "status:400:body=" + "[" * 100_000,
    "an endless wait": f"status:429:retry-after={'9' * 400}",
}


@pytest.mark.parametrize("behaviour", BAD_ANSWERS.values(), ids=BAD_ANSWERS)
def test_a_bad_answer_is_one_failed_question_that_is_paid_once(cohort, store, behaviour):
    if "retry-after" in behaviour:
        assert run_with_one(cohort, store, behaviour).stopped
        return
    collected = run_with_one(cohort, store, behaviour)
    assert (collected.answered, len(collected.failures), collected.stopped) == (19, 1, "")
    [(question, _, reason, _)] = store.failures()
    assert [question] == list(collected.failures) and reason


def run_with_one(cohort, store, behaviour):
    """Everything asked of a server that answers the third request so; no request is repeated."""
    with ChatServer(lambda n, earlier: behaviour if n == 3 else "ok") as server:
        collected = run(cohort, store, server)
        assert set(Counter(server.earlier).values()) == {1}
    return collected


def test_an_absurd_count_is_no_count_and_loses_no_answer(cohort, store):
    counts = {"prompt_tokens": int("9" * 400), "completion_tokens": -3}
    assert run_with_one(cohort, store, "body::" + answer_of(usage=counts)).complete
    assert Bill.of(store).uncounted == 1


def test_what_is_recorded_with_an_answer(cohort, store):
    with ChatServer() as server:
        run(cohort, store, server)
    question, answer = store.answers()[0]
    assert (question.model, question.prompt_version) == ("qwen-vl-max", 1)
    assert json.loads(question.settings) == {"max_tokens": 250, "top_p": 0.8, "temperature": 0.7}
    assert (answer.served_model, answer.fingerprint) == ("served-model-2026", "fp_1")
    assert answer.endpoint == server.url.split("/")[2] and answer.at and answer.seconds > 0


def test_other_pictures_settings_or_model_are_other_questions(cohort, store, tmp_path):
    with ChatServer() as server:
        run(cohort, store, server)
    assert make_plan(cohort, store, "qwen-vl-max", slices=SLICES).missing == ()
    assert len(make_plan(cohort, store, "other", slices=SLICES).missing) == 20
    assert len(make_plan(cohort, store, "qwen-vl-max", Sampling(temperature=0), SLICES).missing) == 20
    assert len(make_plan(cohort, store, "qwen-vl-max", slices=SliceSettings(3, 32)).missing) == 20
    image = nibabel.load(cohort.images.iloc[2, 0])
    volume = np.asarray(image.dataobj).copy()
    volume[6, 6, 4] += 1
    nibabel.Nifti1Image(volume, image.affine).to_filename(cohort.images.iloc[2, 0])
    missing = make_plan(cohort, store, "qwen-vl-max", slices=SLICES).missing
    assert [question.patient for question in missing] == [cohort.ids[2]] * 5


def test_a_request_holds_pictures_question_and_settings_and_nothing_of_who_asks(cohort, store, monkeypatch):
    monkeypatch.setenv("OPENAI_ORG_ID", "our-hospital")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-another-service")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Who: our-hospital\nAuthorization: Bearer of-another")
    monkeypatch.setenv("STROKEBENCH_TEXT_KEY", KEY)
    with ChatServer() as server:
        run(cohort, store, server)
    assert len(server.bodies) == 20
    for headers, body in zip(server.requests, server.bodies, strict=True):
        sent = (json.dumps(headers) + body.decode()).lower()
        assert not any(word in sent for word in [*cohort.ids, "mueller", "hospital", "another", "linux"])
        assert headers.pop("authorization") == f"Bearer {KEY}"
        message = json.loads(body)
        assert message.keys() == {"model", "messages", "max_tokens", "top_p", "temperature"}
        *pictures, question = message["messages"][1]["content"]
        assert question["text"] in QUESTIONS.values()
        assert [p["image_url"]["url"][:22] for p in pictures] == ["data:image/png;base64,"] * 2


def fail(*_):
    raise RuntimeError("the disk is full")


def test_the_key_is_in_no_log_error_store_or_traceback(cohort, store, monkeypatch, caplog, capfd, tmp_path):
    monkeypatch.setenv("MY_KEY", KEY)
    monkeypatch.setenv("OPENAI_LOG", "debug")
    caplog.set_level(logging.DEBUG)
    for name in ("openai", "httpx2", "httpcore2", "httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    told = json.dumps({"error": {"message": f"Incorrect API key provided: {KEY}"}})
    echoes = [
        f"text:The key is {KEY}. The lesion is left.",
        f"status:400:body={told}",
        f"status:500:body={KEY}",
        f"status:401:body={told}",
    ]
    with ChatServer(lambda n, earlier: echoes[min(n, 3)]) as server:
        endpoint = find_service(server.url, "MY_KEY")
        plan = make_plan(cohort, store, "m", slices=SLICES)
        collected = collect(plan, endpoint, store, **QUICK, concurrency=1)
        assert len(server.requests) == 4 and collected.stopped
        with pytest.raises(TypeError):
            pickle.dumps(endpoint)
        monkeypatch.setattr(AnswerStore, "add", fail)
        server.behave = lambda n, earlier: "ok"
        try:
            collect(plan, endpoint, store, **QUICK, concurrency=1)
        except RuntimeError as error:
            # Without this function's own variables, which hold the key.
            frames = traceback.TracebackException.from_exception(error, capture_locals=True)
            shown = "".join(traceback.format_list(frames.stack[1:]))
    out, err = capfd.readouterr()
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    everything = [caplog.text, out, err, repr(collected), repr(store.failures()), shown, kept.decode("latin1")]
    assert not any(KEY in text for text in everything)
    assert "endpoint=" in shown.replace(" ", "")
    assert "[key]" in repr(store.failures()) and "[key]" in store.answers()[0][1].text


def test_pictures_are_not_sent_on_by_a_redirection(cohort, store):
    with ChatServer() as elsewhere, ChatServer(lambda n, e: f"redirect:{elsewhere.url}") as server:
        collected = run(cohort, store, server)
    assert not elsewhere.requests and collected.stopped and len(server.requests) <= 4


@pytest.mark.parametrize(
    "behaviour",
    [
        "status:401",
        "status:404",
        'status:429:body={"error": {"code": "insufficient_quota"}}',
        "status:429:retry-after=7200",
    ],
)
def test_what_no_further_request_can_mend_ends_the_collection(cohort, store, behaviour):
    with ChatServer(lambda n, e: behaviour) as server:
        collected = run(cohort, store, server, concurrency=2)
    assert len(server.requests) <= 2 and "status" in collected.stopped


def test_a_refused_question_does_not_stop_the_others_and_is_asked_by_the_next_call(cohort, store):
    with ChatServer(lambda n, e: "status:400" if n in (3, 9) else "ok") as server:
        first = run(cohort, store, server)
        assert (first.answered, len(first.failures), first.stopped) == (18, 2, "")
        assert len(server.requests) == 20
        assert run(cohort, store, server).answered == 2
        assert len(server.requests) == 22


def test_a_dead_endpoint_is_given_up(tmp_path, store):
    cohort = cohort_of(tmp_path, 12)
    with ChatServer(lambda n, e: "status:503") as server:
        collected = run(cohort, store, server, tries=1, concurrency=1)
    assert collected.stopped and len(server.requests) == GIVE_UP_AFTER
    with pytest.raises(StrokebenchError):
        run(cohort, store, server, concurrency=0)
    gone = run(cohort, store, server, tries=1, concurrency=1)
    assert gone.answered == 0 and "connection" in gone.stopped


def test_an_unreadable_volume_costs_nothing_and_is_named(cohort, store):
    path = Path(cohort.images.iloc[1, 0])
    path.write_bytes(path.read_bytes()[:200])
    with ChatServer() as server:
        collected = run(cohort, store, server)
    assert list(collected.unreadable) == [cohort.ids[1]] and not collected.complete
    assert collected.answered == len(server.requests) == 15


def test_an_answer_of_no_use_is_asked_for_again_only_on_request(cohort, store):
    bad = {0: "text:", 1: "refuse", 2: "text:As an AI, I cannot give a diagnosis."}
    with ChatServer(lambda n, e: bad.get(n, "ok")) as server:
        assert run(cohort, store, server).complete
        assert run(cohort, store, server).answered == 0
        assert run(cohort, store, server, ask_again=True).answered == 3
        assert run(cohort, store, server, ask_again=True).answered == 0
        assert set(server.paid.values()) == {1}, "asking again is no repeated request to the endpoint"
    assert Bill.of(store).answers == 23


def test_rate_and_number_of_requests_at_a_time_are_kept(cohort, store):
    with ChatServer() as server:
        began = time.monotonic()
        run(cohort, store, server, concurrency=2, per_minute=3000)
        assert time.monotonic() - began >= 19 * 0.02
    assert len(server.requests) == 20 and server.most_at_once <= 2


def test_all_wait_while_the_endpoint_asks_to(cohort, store):
    with ChatServer(lambda n, e: "status:429:retry-after-ms=400" if n == 4 else "ok") as server:
        assert run(cohort, store, server, concurrency=2).complete
    # Whenever the answer got there, after it nobody asked for a while.
    assert np.diff(server.times).max() > 0.3


def test_retry_after_in_all_its_forms():
    assert retry_after({"retry-after": "15"}) == 15
    assert retry_after({"retry-after-ms": "250", "retry-after": "9"}) == 0.25
    assert retry_after({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0
    assert retry_after({"retry-after": "Wed, 21 Oct 2099 07:28:00 GMT"}) > LONGEST_PAUSE
    assert [retry_after({"retry-after": x}) for x in ("soon", "nan", "inf", "-3", "")] == [None] * 5
    assert [retry_after({"retry-after-ms": x}) for x in ("nan", "-3", "soon")] == [0, 0, None]


def test_a_pause_that_is_asked_for_while_waiting_counts():
    async def main():
        pace = Pace(60 / 0.05)
        clock = asyncio.get_running_loop().time
        await pace.turn()
        began = clock()
        waiting = asyncio.create_task(pace.turn())
        await asyncio.sleep(0.01)
        pace.pause(0.2)
        await waiting
        assert clock() - began >= 0.2

    asyncio.run(main())


def test_only_one_process_collects_into_a_store(cohort, store, tmp_path):
    with ChatServer() as server, AnswerStore(tmp_path / "answers.sqlite") as other:
        with other.writing(), pytest.raises(StrokebenchError, match="another process"):
            run(cohort, store, server)
        assert not server.requests
        # A plan made before another process answered must not pay for those answers again.
        plan = make_plan(cohort, store, "qwen-vl-max", slices=SLICES)
        run(cohort, other, server)
        assert collect(plan, find_service(server.url), store, **QUICK).answered == 0
        assert len(server.requests) == 20


def test_the_estimate_counts_what_is_missing_and_learns_from_earlier_answers(cohort, store):
    plan = make_plan(cohort, store, "qwen-vl-max", slices=SliceSettings(12, 336), answers=2)
    guess = estimate(plan, concurrency=4, per_minute=60)
    assert (guess.requests, guess.patients, guess.pictures) == (40, 4, 480)
    assert guess.output_tokens == 40 * 250
    assert guess.input_tokens == pytest.approx(40 * (12 * 146 + 170), rel=0.05)
    assert guess.seconds == pytest.approx(60)
    assert Prices(2.0, 8.0).cost(1e6, 5e5) == 6
    with ChatServer() as server:
        run(cohort, store, server)
    plan = make_plan(cohort, store, "qwen-vl-max", slices=SLICES, answers=2)
    learnt = estimate(plan, 4, 60)
    assert learnt.requests == 20
    # Answers differ in length: as many tokens as one may have.
    assert [learnt.input_tokens, learnt.output_tokens] == [server.tokens[0], 20 * 250]
    # What was asked about fewer or smaller pictures tells nothing of these.
    assert estimate(make_plan(cohort, store, "qwen-vl-max", slices=SliceSettings(12, 336), answers=2), 4, 60) == guess


SCRIPT = """
    import sys
    sys.path[:0] = sys.argv[3:]
    from pathlib import Path
    from test_vision_text import *
    cohort = cohort_of(Path(sys.argv[1]), 6)
    with AnswerStore(Path(sys.argv[1]) / "answers.sqlite") as store:
        plan = make_plan(cohort, store, "qwen-vl-max", slices=SLICES)
        collected = collect(plan, find_service(sys.argv[2]), store, 30, 1, per_minute=0)
        sys.exit(130 if collected.interrupted else 0)
"""


def start(folder, server):
    tests = Path(__file__).parent.absolute()
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SCRIPT), folder, server.url, tests, tests.parents[1] / "support"]
    )


def wait_for(condition, process, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end and process.poll() is None
        time.sleep(0.01)


@pytest.mark.long
def test_a_killed_process_is_resumed_and_pays_nothing_twice(tmp_path):
    with ChatServer(lambda n, e: "ok" if n < 11 else "hang") as server:
        process = start(tmp_path, server)
        # All workers hang in requests 11 to 14, so the eleven answers before have been received and kept.
        wait_for(lambda: len(server.requests) == 15, process)
        process.kill()
        assert process.wait(10) == -signal.SIGKILL
        server.behave = lambda n, e: "ok"
        assert start(tmp_path, server).wait(60) == 0
        assert len(server.requests) == 15 + 30 - 11
    assert len(server.paid) == 30 and set(server.paid.values()) == {1}
    with AnswerStore(tmp_path / "answers.sqlite") as store:
        assert len(store.answers()) == len(store.latest()) == 30
        assert [Bill.of(store).input_tokens, Bill.of(store).output_tokens] == server.tokens


def test_ctrl_c_waits_for_what_is_on_its_way_and_asks_nothing_more(tmp_path):
    with ChatServer(lambda n, e: "ok" if n < 5 else "hold") as server:
        process = start(tmp_path, server)
        wait_for(lambda: len(server.requests) == 9, process)
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        server.release.set()
        assert process.wait(60) == 130
        assert len(server.requests) == 9
    with AnswerStore(tmp_path / "answers.sqlite") as store:
        assert len(store.answers()) == 9


def test_ctrl_c_ends_a_pause_that_the_endpoint_asked_for(cohort, store):
    def behave(n, earlier):
        if n == 6:
            threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
            return "status:429:retry-after=60"
        return "ok"

    with ChatServer(behave) as server:
        began = time.monotonic()
        collected = run(cohort, store, server)
        assert time.monotonic() - began < 30
    assert collected.interrupted and 6 <= collected.answered == len(store.answers()) < 20


def test_what_is_no_store_is_left_alone(tmp_path):
    (tmp_path / "a.csv").write_text("patient,age\n" * 99)
    with pytest.raises(StrokebenchError, match=r"a\.csv"):
        AnswerStore(tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text() == "patient,age\n" * 99


def test_an_answer_that_cannot_be_kept_is_said_with_what_to_do(cohort, store, caplog):
    store._database.execute("PRAGMA query_only = ON")
    with ChatServer() as server, pytest.raises(StrokebenchError, match="cannot be written") as error:
        run(cohort, store, server)
    gc.collect()
    assert "goes on" in error.value.hint
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
