"""What a statement does, without what only its readers see, and what it names."""

import ast
from collections.abc import Iterator

from strokebench.benchmarks.keys.sources import Module, full_name, imported_names, never_runs, parsed, resolve

_LEFT_OUT = frozenset({"ctx", "kind", "type_comment", "annotation", "returns"})


class Statement(ast.NodeVisitor):
    """One statement of a module.

    Left out are docstrings, annotations, what an error says, and imports (what they stand for counts where it is
    named).

    Attributes:
        text: what it does. names: what it names, with all dots. types: what its annotations name.
        attributes: names behind a dot, and strings that could be used as such.
    """

    def __init__(self, module: Module, node: ast.AST) -> None:
        self._package = module.package
        self._words: list[str] = []
        self._imports: dict[str, str] = {}
        self._in_error = False
        self.names, self.types, self.attributes = set[str](), set[str](), set[str]()
        self.visit(node)
        self.names, self.types = (
            {full for name in found if (full := full_name(module, name, self._imports))}
            for found in (self.names, self.types)
        )
        # What is imported under a name counts, not the name alone.
        self.text = " ".join([*self._words, *sorted(self.names)])

    def generic_visit(self, node: ast.AST) -> None:
        self._words.append(type(node).__name__)
        for name, value in ast.iter_fields(node):
            if name in _LEFT_OUT or value is None or value == []:
                # Empty fields are other ones in other versions of Python.
                continue
            self._words.append(name)
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, ast.AST):
                    self.visit(each)
                else:
                    self._words.append(repr(each))
        self._words.append(".")

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):
            self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        # What an error says decides nothing; which it is, and what else it carries, may decide who catches it.
        self._in_error = True
        self.generic_visit(node)
        self._in_error = False

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        if not self._in_error:
            self.generic_visit(node)

    def visit_Assert(self, node: ast.Assert) -> None:
        self._words.append("Assert")
        self.visit(node.test)

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        self._imports |= imported_names(node, self._package)

    visit_ImportFrom = visit_Import

    def visit_If(self, node: ast.If) -> None:
        if not never_runs(node):
            self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._annotation(node.returns)
        self.generic_visit(node)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_arg(self, node: ast.arg) -> None:
        self._annotation(node.annotation)
        self._words += ["arg", node.arg]

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self._annotation(node.annotation)
        # To a dataclass these are no annotations.
        self._words += [mark for mark in ("ClassVar", "InitVar", "KW_ONLY") if mark in ast.unparse(node.annotation)]
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        self.names.add(node.id)
        self._words.append(node.id)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.attributes.add(node.attr)
        if dotted := dotted_name(node):
            self.names.add(dotted)
            self.attributes.update(dotted.split(".")[1:])
            self._words.append(dotted)
        else:
            self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if self._in_error and isinstance(node.value, str):
            return
        if isinstance(node.value, str) and node.value.isidentifier():
            self.attributes.add(node.value)
        self._words.append(repr(node.value))

    def _annotation(self, node: ast.AST | None) -> None:
        for each in ast.walk(node) if node else ():
            if isinstance(each, (ast.Name, ast.Attribute)) and (dotted := dotted_name(each)):
                self.types.add(dotted)
            elif isinstance(each, ast.Constant) and isinstance(each.value, str):
                try:
                    self._annotation(parsed(each.value.strip()))
                except SyntaxError:
                    continue


def dotted_name(node: ast.AST) -> str:
    """`a.b.c` of such an expression; empty for any other."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (before := dotted_name(node.value)):
        return f"{before}.{node.attr}"
    return ""


def bases_of(module: Module, cls: ast.ClassDef) -> Iterator[tuple[Module, ast.ClassDef]]:
    """The bases of a class that have a source, and where they are defined."""
    for base in cls.bases:
        found, name = resolve(full_name(module, dotted_name(base)))
        if found:
            yield from ((found, node) for node in found.classes() if node.name == name and node is not cls)


def member_name(node: ast.stmt) -> str:
    """What a statement of a class defines; empty where it is none of one name."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return node.name
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return node.target.id
    return ""
