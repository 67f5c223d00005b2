"""Every command that a page shows can be typed: its target, variables, verb and options are there."""

import json
import re
import shlex
from pathlib import Path

import pytest
import typer

from strokebench.benchmarks.cli.main import app
from strokebench.benchmarks.experiments.find import find_experiment
from strokebench.errors import StrokebenchError

ROOT = Path(__file__).parent.parent
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "docs").glob("tutorials/*.ipynb")]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS, EXPERIMENTS, VARIABLES = (
    set(re.search(rf"^{name} := (.*)$", MAKEFILE, re.MULTILINE)[1].split())
    for name in ("TARGETS", "EXPERIMENTS", "VARIABLES")
)
EXAMPLE = "balancing"
"""The experiment that CONTRIBUTING adds."""
STROKEBENCH = typer.main.get_command(app)
# What an unknown option is, of the Click that Typer brings along.
UsageError = typer.BadParameter.__base__


def text_of(page: Path) -> str:
    text = page.read_text(encoding="utf-8")
    cells = json.loads(text)["cells"] if page.suffix == ".ipynb" else []
    return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown") if cells else text


def commands(text: str) -> list[list[str]]:
    """The calls of make and strokebench in a page's shell blocks and between its backticks, word by word."""
    blocks = re.findall(r"^```(?:sh|bash)?\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    # Prose may break a line within a command.
    lines += [" ".join(inline.split()) for inline in re.findall(r"`([^`]+)`", prose)]
    found = []
    for line in (line for line in lines if re.match(r"(\w+=\S+ )*(make|strokebench) ", line)):
        words = re.split(r"(?: \||&&|;) ", line)[0]
        try:
            words = shlex.split(words, comments=True)
        except ValueError:
            continue
        while "=" in words[0]:
            words.pop(0)
        found.append(words)
    return found


def fault(words: list[str]) -> str:
    """What is wrong with a call; empty where it can be typed."""
    if words[0] == "make":
        given = {word.partition("=")[0] for word in words[1:] if "=" in word}
        targets = {word for word in words[1:] if "=" not in word and word != "TARGET"}
        wrong = (targets - TARGETS - EXPERIMENTS - {"$(EXPERIMENTS)"}) | (given - VARIABLES - {"VARIABLE"})
        return f"make knows no {min(wrong)}" if wrong else ""
    command, rest = STROKEBENCH, words[1:]
    # Between angle brackets, in capitals or as dots stands what the reader puts in.
    if rest[0] == rest[0].upper() and not rest[0].startswith("-"):
        return ""
    try:
        context = typer.Context(command, info_name="strokebench")
        while hasattr(command, "resolve_command") and rest and not rest[0].startswith("-"):
            _, command, rest = command.resolve_command(context, rest)
            context = typer.Context(command, parent=context, info_name="")
        if command.name in ("run", "report") and rest and re.fullmatch(r"[a-z]\w*", rest[0]) and rest[0] != EXAMPLE:
            find_experiment(rest[0])
        command.make_parser(context).parse_args([word for word in rest if word != "..."])
    except (UsageError, StrokebenchError) as error:
        return str(error)
    return ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_a_page_can_be_typed(page: Path):
    assert {shlex.join(words): told for words in commands(text_of(page)) if (told := fault(words))} == {}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("make tabel1", "tabel1"),
        ("make table1 DATSET=soop", "DATSET"),
        ("strokebench rnu table1", "rnu"),
        ("strokebench run table1 --sedes 39", "--sedes"),
        ("strokebench results exprot", "exprot"),
        ("OMP_NUM_THREADS=1 strokebench tune vdafm --spaces paper", "--spaces"),
    ],
)
def test_what_cannot_be_typed_is_found(line: str, told: str):
    (found,) = commands(f"```sh\n{line}   # a comment\n```\n")
    assert told in fault(found)
    (found,) = commands(f"As `{line}` does.\n")
    assert told in fault(found)


def test_every_page_shows_a_command():
    assert [page.name for page in PAGES if not commands(text_of(page))] == []
