"""What a release says of itself agrees with pyproject.toml, and what builds it names what is there."""

import json
import re
import shutil
import subprocess
import tomllib
from importlib.metadata import requires, version
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CFF = yaml.safe_load((ROOT / "CITATION.cff").read_text())
CODEMETA = json.loads((ROOT / "codemeta.json").read_text())
ZENODO = json.loads((ROOT / ".zenodo.json").read_text())
WORKFLOW, WEEKLY = (
    yaml.safe_load((ROOT / f".github/workflows/{name}.yaml").read_text()) for name in ("check", "weekly")
)
RELEASES = re.findall(r"^## (\S+), (\d{4}-\d{2}-\d{2})$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)


def test_all_descriptions_are_of_the_same_release():
    authors = [author["name"] for author in PROJECT["authors"]]
    for about, described in ((CFF, "abstract"), (CODEMETA, "description"), (ZENODO, "description")):
        assert about["version"] == PROJECT["version"] and about[described] == PROJECT["description"]
        assert about["keywords"] == PROJECT["keywords"] and PROJECT["license"] in about["license"]
    for people in (CFF["authors"], CODEMETA["author"], ZENODO["creators"]):
        assert [each["name"] for each in people] == authors
    dates = {str(CFF["date-released"]), CODEMETA["datePublished"], ZENODO["publication_date"]}
    assert RELEASES[0] == (PROJECT["version"], *dates), "the newest section of the changelog"
    assert version("strokebench") == PROJECT["version"]


@pytest.mark.parametrize("file", ["Dockerfile", "strokebench.def"])
def test_an_image_is_made_of_what_is_there_and_pinned(file: str):
    text = (ROOT / file).read_text()
    assert re.search(r"^FROM python:3\.\d+-slim$", text, re.MULTILINE | re.IGNORECASE) or "From: python:3." in text
    assert (
        re.search(r'--constraint \S*constraints\.txt "\S+\[embedded,text,cluster,ui\]"', text)
        and "--no-cache-dir" in text
    )
    assert re.search(r"^\s*(ARG )?TORCH_INDEX=\S+$", text, re.MULTILINE), "a GPU's PyTorch by a build argument"
    assert "strokebench" in PROJECT["scripts"] and re.search(r'ENTRYPOINT \["strokebench"\]|exec strokebench', text)


@pytest.mark.parametrize("file", ["Makefile", "Dockerfile", "strokebench.def"])
def test_what_xgboost_brings_for_several_gpus_goes_beside_a_cpu_build(file: str):
    brought = {name for line in requires("xgboost") or [] for name in re.findall(r"^nvidia[\w-]+", line)}
    text = (ROOT / file).read_text()
    assert set(re.findall(r"pip uninstall .*?(nvidia\S+?);?(?: }|$)", text, re.MULTILINE)) == brought
    assert "exit('+cpu' in version('torch'))" in text


def test_images_hold_every_room_and_nothing_else():
    needed = {
        *("benchmarks", "datasets", "methods", "reports", "strokebench", "tasks"),
        *("pyproject.toml", "constraints.txt", "README.md", "LICENSE"),
    }
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert ignored[0] == "*" and {line[1:] for line in ignored if line.startswith("!")} == needed
    copied = re.findall(r"^    (\S+) /opt/strokebench/(\S+)$", (ROOT / "strokebench.def").read_text(), re.MULTILINE)
    assert {source for source, _ in copied} == needed and all(source == target for source, target in copied)
    assert all((ROOT / name).exists() for name in needed)
    assert re.search(r"^USER (?!root)\w+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)


def test_line_breaks_are_those_of_unix_on_every_system():
    """Git for Windows would give others: bash reads none of them, and within WSL every file counts as changed."""
    asked = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "--eol", ".ci", "Makefile", "datasets/soop/soop_sha256.csv"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    told = {name: attributes for line in asked.stdout.splitlines() for attributes, name in [line.split("\t")]}
    assert "eol=lf" in told[".ci/run"] and "eol=lf" in told["Makefile"]
    assert "-text" in told["datasets/soop/soop_sha256.csv"], "its checksum is of the file as published"


def test_an_environment_that_was_left_half_made_is_made_again(tmp_path: Path):
    """As by `python3 -m venv` of Debian without python3-venv, or by Ctrl-C."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to("/bin/false")
    (tmp_path / "python").write_text('#!/bin/sh\necho "$@" >> asked\n')
    (tmp_path / "python").chmod(0o755)
    subprocess.run(["make", "environment", "PYTHON=./python"], cwd=tmp_path, capture_output=True, check=False)
    assert "-m venv .venv" in (tmp_path / "asked").read_text()


def steps() -> list[str]:
    """The commands of all jobs."""
    jobs = [*WORKFLOW["jobs"].values(), *WEEKLY["jobs"].values()]
    return [step["run"] for job in jobs for step in job["steps"] if "run" in step]


def test_the_workflow_runs_targets_and_pythons_that_there_are():
    makefile = (ROOT / "Makefile").read_text()
    known = re.search(r"^TARGETS := (.*)$", makefile, re.MULTILINE)
    experiments = re.search(r"^EXPERIMENTS := (.*)$", makefile, re.MULTILINE)
    assert known and experiments
    made = [word for line in steps() if line.startswith("make ") for word in line.split()[1:] if "=" not in word]
    assert set(made) <= {*known[1].split(), *experiments[1].split()} and "test" in made
    pythons = WORKFLOW["jobs"]["check"]["strategy"]["matrix"]["python"]
    assert WORKFLOW["jobs"]["wheel"]["strategy"]["matrix"]["python"] == pythons, "installed on all of them"
    assert PROJECT["requires-python"] == f">={min(pythons, key=lambda each: int(each.split('.')[1]))}"


def test_the_workflow_runs_the_readme_s_first_commands():
    readme = (ROOT / "README.md").read_text()
    for command in ("make table1 QUICK=1", "strokebench run table1 --dry-run", "strokebench results export mine.zip"):
        assert command in readme and any(command in step for step in steps())
    assert re.search(r"strokebench run table1\s+--methods random_forest,concat,vdafm", readme)


def test_the_wheelhouse_is_installed_as_make_says():
    recipe = re.search(r"pip install (--no-index .*)'", (ROOT / "Makefile").read_text())
    assert recipe and any(recipe[1].replace("'", '"') in step for step in steps())
    assert recipe[1].split()[2] in (ROOT / ".gitignore").read_text()
