"""Every public function of arrays says their shapes; every module says what it is for."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("strokebench", "benchmarks", "datasets", "methods", "reports", "tasks")
ARRAYS = re.compile(r"\b(NDArray|ndarray|ArrayLike|Tensor)\b")
SHAPE = re.compile(r"\(\s*\*?\w+( ?[+x*-] ?\w+)*\s*,[^()]*(\(\w*\)[^()]*)?\)|\(\*\w+\)|any shape|shape of `")
"""`(n,)`, `(n, 2)`, `(b, 16, width)`, `(2 * n, columns)`, `(*row)`; or that the shape is free or another's."""


def public(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    """Functions of a module and methods of its public classes, without those that override another's contract."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node.name, node
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            for child in node.body:
                if isinstance(child, ast.FunctionDef) and not child.name.startswith("_"):
                    yield f"{node.name}.{child.name}", child


def without_shapes(source: str) -> list[str]:
    """The public functions that take or give arrays and whose docstring states no shape."""
    found = []
    for name, function in public(ast.parse(source)):
        arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
        annotations = [argument.annotation for argument in arguments] + [function.returns]
        arrays = any(ARRAYS.search(ast.unparse(annotation)) for annotation in annotations if annotation)
        documented = ast.get_docstring(function)
        # A method without a docstring keeps the contract of the one that it overrides.
        silent = "." not in name if documented is None else not SHAPE.search(documented)
        if arrays and silent:
            found.append(name)
    return found


def sources() -> list[Path]:
    return [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]


def test_public_functions_of_arrays_say_their_shapes():
    missing = {
        f"{path.relative_to(ROOT)}: {name}" for path in sources() for name in without_shapes(path.read_text("utf-8"))
    }
    assert sorted(missing) == []


def test_every_module_says_what_it_is_for():
    assert [path for path in sources() if not ast.get_docstring(ast.parse(path.read_text("utf-8")))] == []


@pytest.mark.parametrize(
    ("source", "missing"),
    [
        ('def f(x: NDArray) -> float:\n    """The mean of x (n,)."""\n', []),
        ('def f(x: NDArray) -> float:\n    """The mean of x."""\n', ["f"]),
        ("def f(x: NDArray) -> float:\n    return x.mean()\n", ["f"]),
        ('def f(n: int) -> Tensor:\n    """Zeros (see above)."""\n', ["f"]),
        ('class A:\n    def f(self, x: Tensor):\n        """Rows."""\n', ["A.f"]),
        ("class A(B):\n    def f(self, x: Tensor):\n        return x\n", []),
        ("def _f(x: NDArray):\n    return x\n", []),
    ],
)
def test_what_is_missing_is_found(source: str, missing: list[str]):
    assert without_shapes(source) == missing
