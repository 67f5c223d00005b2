"""What `strokebench text` prints and writes: plan, bill, texts and the filter's report."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from strokebench.datasets.asking.export import texts_of, write_texts
from strokebench.datasets.asking.plan import Bill, CostEstimate, Prices, TextPlan
from strokebench.datasets.asking.report import TextReport, report_texts
from strokebench.errors import named
from strokebench.files import csv_text, write_json, write_text

if TYPE_CHECKING:
    from rich.console import Console

    from strokebench.datasets.asking.answers import AnswerStore
    from strokebench.datasets.asking.collect import Collected
    from strokebench.datasets.asking.service import ChatService
    from strokebench.datasets.cohort import Cohort

NAMED = 5
"""So many patients or failures are named; files name the rest."""


def show_plan(
    console: Console, cohort: Cohort, plan: TextPlan, guess: CostEstimate, service: ChatService, prices: Prices | None
) -> None:
    """Say what would be sent where, and about what it takes and costs."""
    answered = len(plan.questions) - len(plan.missing)
    console.print(
        f"Questions   {len(plan.questions):,} about {len(plan.volumes):,} patients of {cohort.title};"
        f" {answered:,} are answered already, {guess.requests:,} are to be asked"
    )
    if len(cohort.sequences) > 1:
        console.print(f"Images      the first of {', '.join(cohort.sequences)} alone")
    if plan.without_image:
        console.print(f"No image    {len(plan.without_image):,} patients: {named(plan.without_image, NAMED)}")
    if not plan.missing:
        return
    console.print(f"Endpoint    {service.url}, model {plan.model}", soft_wrap=True)
    whose = "invented patients" if cohort.synthetic else "patients"
    what = (
        f"{plan.slices.count} pictures of {plan.slices.size} x {plan.slices.size} pixels with each question,"
        f" {guess.pictures:,} in all, of {guess.patients:,} {whose}; no ids, no table, no metadata"
    )
    if service.is_local:
        console.print(f"Sent        {what}. The endpoint is on this machine.")
    else:
        goal = service.host + (f" by the proxy {service.proxy}" if service.proxy else "")
        console.print(f"Sent        {what}.")
        console.print(f"            They leave this machine for {goal}.", style="bold yellow")
        if not service.is_encrypted:
            console.print("            The connection is not encrypted.", style="bold red")
    took = timedelta(seconds=round(guess.seconds))
    console.print(
        f"Estimate    {guess.input_tokens:,} tokens in, up to {guess.output_tokens:,} out, {took}"
        f"{_money(prices, guess.input_tokens, guess.output_tokens, ', about ')} (an estimate, by {guess.basis};"
        " requests that fail may cost more)"
    )


def show_collected(console: Console, collected: Collected, this_time: Bill, ever: Bill, prices: Prices | None) -> None:
    """Say what came of it and what it cost."""
    console.print(
        f"Answers     {collected.answered:,} new, {this_time.input_tokens:,} tokens in,"
        f" {this_time.output_tokens:,} out{_money(prices, this_time.input_tokens, this_time.output_tokens, ': ')}"
    )
    console.print(
        f"In all      {ever.answers:,} answers, {ever.input_tokens:,} tokens in, {ever.output_tokens:,} out"
        f"{_money(prices, ever.input_tokens, ever.output_tokens, ': ')}"
    )
    if ever.uncounted:
        console.print(f"            The endpoint did not count the tokens of {ever.uncounted:,} answers.")
    if ever.maybe_billed:
        console.print(f"            {ever.maybe_billed:,} requests broke off and may be on the bill as well.")
    for patient, reason in list(collected.unreadable.items())[:NAMED]:
        console.print(f"No pictures {patient}: {reason}", style="red", soft_wrap=True)
    if len(collected.unreadable) > NAMED:
        console.print(f"            and {len(collected.unreadable) - NAMED:,} more patients", style="red")
    for question, reason in list(collected.failures.items())[:NAMED]:
        where = f"{question.patient}, {question.prompt}"
        console.print(f"No answer   {where}: {reason}", style="red", soft_wrap=True)
    if len(collected.failures) > NAMED:
        console.print(f"            and {len(collected.failures) - NAMED:,} more questions", style="red")


def write_output(
    console: Console,
    cohort: Cohort,
    plan: TextPlan,
    store: AnswerStore,
    banned: Sequence[re.Pattern[str]],
    folder: Path,
) -> None:
    """Write texts and report of all answers in the store, and say how a cohort's file names them."""
    texts, cut, refused = texts_of(cohort, plan, store)
    write_texts(texts, folder)
    report = report_texts(texts, banned, cut, refused)
    show_report(console, report)
    write_report(report, folder)
    console.print(f"Written to {folder}: texts.csv, sentences.csv, report.json", soft_wrap=True, style="dim")
    console.print(
        f"In the cohort's file:\ntext:\n  files: {folder}/texts/{{prompt}}/{{id}}.txt\n"
        f"  prompts: [{', '.join(map(str, texts.columns))}]",
        soft_wrap=True,
        style="dim",
    )


def write_report(report: TextReport, folder: Path) -> None:
    """Write `sentences.csv`, a row a sentence with its fate, and `report.json`, the counts."""
    write_text(folder / "sentences.csv", csv_text(report.sentences, index=False))
    write_text(folder / "statuses.csv", csv_text(report.texts, index=False))
    write_json(folder / "report.json", report.counts())


def show_report(console: Console, report: TextReport) -> None:
    """Print what the filter keeps and drops, by prompt and by reason."""
    from rich.table import Table

    counts = report.counts()
    table = Table("Prompt", "Texts", "Used", "Sentences kept", "dropped", title="What the filter makes of the texts")
    for prompt, of_prompt in report.texts.groupby("prompt", sort=False):
        used = int((of_prompt["kept"] > 0).sum())
        sentences = counts["prompts"].get(str(prompt), {"kept": 0, "dropped": 0})
        numbers = (len(of_prompt), used, sentences["kept"], sentences["dropped"])
        table.add_row(str(prompt), *(f"{number:,}" for number in numbers))
    console.print(table)
    for title, part in (("Texts", counts["texts"]), ("Dropped", counts["reasons"])):
        if part:
            console.print(f"{title:<12}{', '.join(f'{name} {n:,}' for name, n in part.items())}")


def _money(prices: Prices | None, tokens_in: int, tokens_out: int, before: str) -> str:
    return f"{before}{prices.cost(tokens_in, tokens_out):,.2f} at these prices" if prices else ""
