"""Pages of the documentation that are made of the repository itself, so that none of them can go stale."""

import json
import os
import re
from inspect import getdoc
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from mkdocs.structure.files import File

from strokebench.benchmarks.cli.main import VERBS
from strokebench.benchmarks.experiments.find import all_experiments
from strokebench.methods.registry import all_methods

ROOT = Path(__file__).resolve().parent.parent
COPIED = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
FACES = ("strokebench", "datasets", "tasks", "methods", "benchmarks", "reports")


def on_files(files: Any, config: Any) -> Any:
    """See MkDocs: adds the pages that are made."""
    pages = {page: (ROOT / source).read_text("utf-8") for source, page in COPIED.items()}
    pages |= {"gallery.md": gallery(), "method_cards.md": method_cards(), "api.md": reference()}
    pages |= {f"tutorials/{path.stem}.md": notebook(path) for path in (ROOT / "docs" / "tutorials").glob("*.ipynb")}
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """See MkDocs: links as they are on the site, equations as MathML, which browsers draw without a script."""
    name = page.file.src_uri
    source = ROOT / next((file for file, copy in COPIED.items() if copy == name), f"docs/{name}")
    markdown = re.sub(r"(!?)\[([^\]]*)\]\(([^)#\s]+)(#[^)\s]*)?\)", lambda link: moved(link, source, name), markdown)
    return re.sub(
        r"^```math\n(.*?)\n```$", lambda block: convert(block[1], display="block"), markdown, flags=re.S | re.M
    )


def moved(link: re.Match[str], source: Path, page: str) -> str:
    """A link of a file as the site's page has it; what is no part of the site keeps its words alone."""
    if "://" in link[3]:
        return link[0]
    target = Path(os.path.normpath(source.parent / link[3])).relative_to(ROOT)
    name = COPIED.get(str(target)) or (str(target.relative_to("docs")) if target.parts[0] == "docs" else None)
    if name is None:
        return link[2]
    name = name.removesuffix(".ipynb") + ".md" if name.endswith(".ipynb") else name
    return f"{link[1]}[{link[2]}]({os.path.relpath(name, Path(page).parent)}{link[4] or ''})"


def gallery() -> str:
    """Every experiment and every verb with its command."""
    lines = ["# Tables and figures", "", "Each is made by one command, and again from what is finished by now by"]
    lines += ["`strokebench report NAME`. What it shows and what it does not show is printed beside it.", ""]
    for name, experiment in all_experiments().items():
        lines += [f"## {experiment.title}", "", *_paragraphs(experiment), f"```sh\nstrokebench run {name}\n```", ""]
    lines += ["## All other commands", "", "| Command | What it does |", "|---|---|"]
    return "\n".join([*lines, *(f"| `strokebench {verb}` | {told} |" for verb, (_, told) in VERBS.items()), ""])


def method_cards() -> str:
    """Every method by what it says of itself."""
    lines = ["# Methods one by one", ""]
    for name, method in all_methods().items():
        lines += [f"## {method.label}", "", f"*{method.family}*; `{name}` on the command line.", ""]
        lines += _paragraphs(method)
        defaults = ", ".join(f"`{key}={value!r}`" for key, value in method().get_params().items())
        lines += [f"Defaults: {defaults}.", ""]
    return "\n".join(lines)


def _paragraphs(described: type) -> list[str]:
    """A class's docstring as Markdown: paragraphs, whose heads are bold, without the list of arguments."""
    text = re.split(r"^(?:Args|Class attributes):", getdoc(described) or "", flags=re.M)[0].strip()
    return [
        re.sub(r"^(Source|Original|Kept|Ours|Lost):", r"**\1.**", paragraph) + "\n" for paragraph in text.split("\n\n")
    ]


def reference() -> str:
    """Every name of the rooms' faces, as their stub files list them."""
    lines = ["# Python", ""]
    for room in FACES:
        package = room if room == "strokebench" else f"strokebench.{room}"
        stub = (ROOT / room / "__init__.pyi").read_text("utf-8")
        names = re.findall(r"^from \.(\S+) import (\w+) as", stub, flags=re.M)
        lines += [f"## `{package}`", "", *(f"::: {package}.{module}.{name}\n" for module, name in names)]
    return "\n".join(lines)


def notebook(path: Path) -> str:
    """A notebook's cells as a page."""
    told = [
        "".join(cell["source"]) if cell["cell_type"] == "markdown" else f"```python\n{''.join(cell['source'])}\n```"
        for cell in json.loads(path.read_text("utf-8"))["cells"]
    ]
    return "\n\n".join(told)
