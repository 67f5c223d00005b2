"""`strokebench text ...`: diagnostic text by a vision language model, and what the filter makes of texts."""

import re
from functools import partial
from itertools import count
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from strokebench.benchmarks.cli.options import takes_settings
from strokebench.benchmarks.running.build import choose_endpoint
from strokebench.benchmarks.running.progress import StepProgress
from strokebench.benchmarks.running.settings import Settings
from strokebench.datasets.asking.answers import AnswerStore
from strokebench.datasets.asking.client import require_openai
from strokebench.datasets.asking.collect import collect
from strokebench.datasets.asking.plan import Bill, Prices, estimate, make_plan
from strokebench.datasets.asking.protocol import Sampling
from strokebench.datasets.asking.report import report_texts
from strokebench.datasets.asking.service import find_service
from strokebench.datasets.catalogue import load_cohort
from strokebench.datasets.cohort import Cohort
from strokebench.datasets.images.slices import SliceSettings
from strokebench.errors import StrokebenchError
from strokebench.files import home
from strokebench.reports.cohort import texts
from strokebench.reports.tables.console import make_console

app = typer.Typer(no_args_is_help=True, help="Diagnostic text: write it with a language model, and look at it.")

_COST = "Cost and time"
_MODEL = "What the model is given"


@app.command()
@takes_settings("dataset", "outcome")
def write(
    settings: Settings,
    endpoint: Annotated[
        str,
        typer.Option(
            envvar="STROKEBENCH_TEXT_ENDPOINT",
            help="Address of an OpenAI-compatible service; there is no default, and nothing is sent without one.",
        ),
    ] = "",
    model: Annotated[str, typer.Option(help="Name of a vision model there.")] = "qwen-vl-max",
    key_variable: Annotated[
        str, typer.Option(help="Environment variable that holds the key. Default: STROKEBENCH_TEXT_KEY.")
    ] = "",
    answers: Annotated[int, typer.Option(help="Answers to each of the five prompts.")] = 1,
    patients: Annotated[int, typer.Option(min=0, help="Ask about the first so many only, for a trial. 0: all.")] = 0,
    slices: Annotated[int, typer.Option(help="Pictures of a volume.", rich_help_panel=_MODEL)] = 12,
    pixels: Annotated[int, typer.Option(help="Width of a picture.", rich_help_panel=_MODEL)] = 336,
    max_tokens: Annotated[int, typer.Option(help="Longest answer.", rich_help_panel=_MODEL)] = 250,
    top_p: Annotated[float, typer.Option(help="Nucleus sampling.", rich_help_panel=_MODEL)] = 0.8,
    temperature: Annotated[float, typer.Option(help="0: always the same.", rich_help_panel=_MODEL)] = 0.7,
    price_in: Annotated[
        float | None, typer.Option(help="Price of a million tokens sent.", rich_help_panel=_COST)
    ] = None,
    price_out: Annotated[
        float | None, typer.Option(help="Price of a million tokens answered.", rich_help_panel=_COST)
    ] = None,
    picture_tokens: Annotated[
        int, typer.Option(help="Tokens a picture. 0: as Qwen-VL counts.", rich_help_panel=_COST)
    ] = 0,
    per_minute: Annotated[
        float, typer.Option(min=0, help="Requests a minute at most. 0: no limit.", rich_help_panel=_COST)
    ] = 60,
    at_once: Annotated[int, typer.Option(min=1, help="Requests at a time.", rich_help_panel=_COST)] = 4,
    timeout: Annotated[
        float, typer.Option(min=1, help="Seconds until a request is given up.", rich_help_panel=_COST)
    ] = 120,
    tries: Annotated[int, typer.Option(min=1, help="Requests for one answer at most.", rich_help_panel=_COST)] = 6,
    ask_again: Annotated[
        bool, typer.Option("--ask-again", help="Ask anew where nothing of an answer can be used; costs again.")
    ] = False,
    to: Annotated[Path | None, typer.Option(help="Folder of answers and texts. Default: below work/texts.")] = None,
    dry: Annotated[bool, typer.Option("--dry-run", help="Only say what would be sent, and what it costs.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before sending.")] = False,
) -> None:
    """Ask a vision language model about each patient's MRI. Answers are kept at once and never paid for twice."""
    place = find_service(endpoint, key_variable)
    require_openai()
    if (price_in is None) != (price_out is None):
        raise StrokebenchError("Only one of the two prices is given.", "Give --price-in and --price-out.")
    prices = None if price_in is None or price_out is None else Prices(price_in, price_out)
    console = make_console()
    cohort, banned = _load(settings, console)
    chosen = cohort
    if patients > 0 and cohort.images is not None:
        chosen = cohort.subset(cohort.images.iloc[:, 0].dropna().index[:patients])
    folder = to or home("texts", cohort.name, re.sub(r"[^A-Za-z0-9._-]+", "_", model).lstrip("._") or "model")
    if (folder / "texts").exists() and not (folder / "answers.sqlite").exists():
        raise StrokebenchError(
            f"{folder / 'texts'} holds texts that are not of this command, which would replace them.",
            "Give another folder by --to.",
        )
    sampling = Sampling(max_tokens=max_tokens, top_p=top_p, temperature=temperature)
    pictures = SliceSettings(slices, pixels)
    with AnswerStore(folder / "answers.sqlite") as store:
        with StepProgress(console) as bar:
            read = partial(bar.step, "Reading the images")
            plan = make_plan(chosen, store, model, sampling, pictures, answers, ask_again=ask_again, on_volume=read)
        texts.show_plan(console, chosen, plan, estimate(plan, at_once, per_minute, picture_tokens), place, prices)
        if dry:
            return
        interrupted = incomplete = False
        if plan.missing:
            if not (yes or typer.confirm("Send them?")):
                console.print("Nothing was sent.")
                raise typer.Exit(1)
            before = Bill.of(store)
            done = count(1)
            with StepProgress(console) as bar:

                def advance() -> None:
                    bar.step("Asking", next(done), len(plan.missing))

                collected = collect(
                    plan, place, store, timeout=timeout, tries=tries, concurrency=at_once, per_minute=per_minute,
                    on_question=advance,
                )  # fmt: skip
            ever = Bill.of(store)
            texts.show_collected(console, collected, ever.since(before), ever, prices)
            interrupted, incomplete = collected.interrupted, not collected.complete
        texts.write_output(console, chosen, plan, store, banned, folder)
        if interrupted:
            console.print("Interrupted; the same command goes on where it stopped.", style="yellow")
            raise KeyboardInterrupt
        if incomplete:
            reason = collected.stopped or "Some questions have no answer"
            hint = "The same command asks only those again."
            if "status 401" in reason or "status 403" in reason:
                hint = f"Set the environment variable {place.key_variable} to the service's key."
            raise StrokebenchError(f"{reason}.", hint)


@app.command()
@takes_settings("dataset", "outcome")
def report(
    settings: Settings,
    to: Annotated[Path | None, typer.Option(help="Folder of the report. Default: below work/texts.")] = None,
) -> None:
    """What the filter keeps and drops of a cohort's texts, sentence by sentence, and why."""
    console = make_console()
    cohort, banned = _load(settings, console)
    if cohort.texts is None:
        raise StrokebenchError(f"{cohort.title} has no texts.", "`strokebench text write` makes them.")
    made = report_texts(cohort.texts, banned)
    folder = to or home("texts", cohort.name, "report")
    texts.show_report(console, made)
    texts.write_report(made, folder)
    console.print(f"Written to {folder}: sentences.csv, statuses.csv, report.json", soft_wrap=True, style="dim")


def _load(settings: Settings, console: Console) -> tuple[Cohort, tuple[re.Pattern[str], ...]]:
    """The cohort, and the patterns that its outcome bans from texts; none where it has no outcome."""
    with console.status(f"Cohort {settings.dataset}"):
        cohort = load_cohort(settings.dataset)
    if not (settings.outcome or cohort.outcomes):
        return cohort, ()
    return cohort, choose_endpoint(cohort, settings.outcome).banned_sentences
