"""What the documents point at is there, and the plan of the house is that of the house."""

import ast
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_a_page_links_is_there(page: Path):
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


@pytest.mark.parametrize("name", ["README.md", "docs/first_steps.md"])
def test_the_first_cohort_s_file_names_all_that_the_methods_beside_it_read(name: str):
    file = re.search(r"```yaml\n(.+?)```", (ROOT / name).read_text(encoding="utf-8"), flags=re.DOTALL)
    assert file and {"table", "id", "outcome", "images", "text"} <= set(yaml.safe_load(file[1]))


def test_every_folder_of_a_room_stands_in_the_plan_with_its_question():
    plan = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([a-z0-9/_]+)/` \| (.+) \|$", plan, flags=re.MULTILINE))
    faces = [
        path
        for room in ("benchmarks", "reports", "methods", "tasks", "datasets")
        for path in (ROOT / room).glob("*/__init__.py")
    ]
    assert rows == {
        str(path.parent.relative_to(ROOT)): (
            ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        ).splitlines()[0]
        for path in faces
    }
