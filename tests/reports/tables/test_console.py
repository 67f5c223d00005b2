"""What data bring to the terminal is shown, and commands nothing."""

import io

import pytest
from rich.panel import Panel
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from strokebench.reports.tables.console import make_console

EVIL = "site\x1b]0;owned\x07\x1b[31mred\x9b31m\x00\x7f\ud800"
CLEAN = "site]0;owned[31mred31m"


def boxed(text):
    table = Table(title=text)
    table.add_column(text)
    table.add_row(Text(text))
    return Panel(table)


@pytest.mark.parametrize("shown", [lambda t: Text(t), str, boxed])
def test_a_control_character_reaches_no_terminal(shown):
    stream = io.StringIO()
    make_console(file=stream, width=90).print(shown(EVIL))
    assert CLEAN in stream.getvalue()
    assert not any((ord(c) < 32 and c != "\n") or 0x7F <= ord(c) < 0xA0 or c == "\ud800" for c in stream.getvalue())


def test_colours_and_progress_of_the_program_s_own_still_work():
    stream = io.StringIO()
    console = make_console(file=stream, force_terminal=True, color_system="standard", width=90)
    with Progress(console=console) as bar:
        bar.update(bar.add_task("a\x1b]0;x", total=1), completed=1)
        console.print(Text("red", style="red"))
    assert "\x1b[31mred" in stream.getvalue() and "\x1b]0" not in stream.getvalue() and "\x1b[2K" in stream.getvalue()


def test_brackets_are_the_data_s_own():
    stream = io.StringIO()
    console = make_console(file=stream, width=60)
    console.print("Outcome     status in [dead, moved]: 7 patients, :x: [red]")
    console.print("[bold]Sample[/bold] of [a, b]", style="dim")
    lines = [line.rstrip() for line in stream.getvalue().splitlines()]
    assert lines == ["Outcome     status in [dead, moved]: 7 patients, :x: [red]", "[bold]Sample[/bold] of [a, b]"]


def test_a_fact_goes_on_beneath_its_text():
    stream = io.StringIO()
    console = make_console(file=stream, width=30)
    console.print("Outcome     nihss < 7 [x]: 729 patients")
    console.print("Outcome and more words than a label has")
    console.print("Map columns by a file of another kind")
    lines = [line.rstrip() for line in stream.getvalue().splitlines()]
    assert lines[:2] == ["Outcome     nihss < 7 [x]: 729", "            patients"] and lines[2].startswith(
        "Outcome and"
    )
    assert lines[4:] == ["Map columns by a file of", "another kind"]
