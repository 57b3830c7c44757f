"""The house of DESIGN section 3, held by the syntax tree: import order, quiet rooms, docstrings, no pickle."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import tacit

ROOT = Path(tacit.__file__).parent
ORDER = [
    ("errors", "listing", "figures"),
    ("data",),
    ("labels",),
    ("nets",),
    ("modalities",),
    ("engines",),
    ("systems",),
    ("train",),
    ("compare",),
    ("report",),
    ("run", "workplace", "runfolder"),
    ("api",),
    ("estimators", "claims", "benchmarks", "demo"),
    ("cli", "__main__"),
]
"""From earlier to later; a module imports from its own row or rows above."""

LIGHT = (
    "tacit/__init__.py",
    "tacit/errors.py",
    "tacit/listing.py",
    "tacit/figures.py",
    "tacit/data/records.py",
    "tacit/workplace.py",
)
HEAVY = {"torch", "lightning", "timm", "sklearn", "transformers", "pandas", "scipy"}


@cache
def files() -> tuple[tuple[Path, ast.Module], ...]:
    return tuple((path, ast.parse(path.read_text(encoding="utf-8"))) for path in sorted(ROOT.rglob("*.py")))


def room(module: str) -> int:
    """The row of a dotted module below ``tacit``."""
    top = module.split(".")[1]
    for row, rooms in enumerate(ORDER):
        if top in rooms:
            return row
    raise AssertionError(f"{module} is in no room of the house; add it to ORDER where DESIGN 3 has its place")


def name_of(path: Path) -> str:
    parts = ("tacit", *path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything imported, wherever in the file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            assert node.module is not None
            yield node.lineno, node.module


def typing_only(tree: ast.Module) -> set[int]:
    """Lines inside ``if TYPE_CHECKING``."""
    blocks = [n for n in ast.walk(tree) if isinstance(n, ast.If) and "TYPE_CHECKING" in ast.dump(n.test)]
    return {line for block in blocks for line in range(block.lineno, (block.end_lineno or 0) + 1)}


def test_imports_go_from_later_to_earlier_rooms() -> None:
    wrong = []
    for path, tree in files():
        name = name_of(path)
        if name == "tacit":
            continue  # the gate opens every room when first asked
        for line, imported in imports(tree):
            if imported == "tacit" or not imported.startswith("tacit."):
                continue
            if room(imported) > room(name):
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {imported}")
    assert not wrong, "\n".join(wrong)


def test_the_order_would_notice_a_wrong_import() -> None:
    tree = ast.parse("def f():\n    from tacit.api import fit\n")
    assert [(line, room(name) > room("tacit.data.records")) for line, name in imports(tree)] == [(2, True)]
    assert room("tacit.errors") < room("tacit.data.x") < room("tacit.labels.y") < room("tacit.cli")


def test_nothing_outside_the_command_line_prints() -> None:
    loud = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path, tree in files()
        if "cli" not in path.relative_to(ROOT).parts
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("print", "input")
    ]
    assert not loud, loud


def test_nothing_is_pickled_and_no_global_seed_is_set() -> None:
    banned = {"pickle", "joblib", "dill", "cloudpickle", "shelve", "marshal"}
    wrong = []
    for path, tree in files():
        wrong += [f"{path.name}: {n}" for _, n in imports(tree) if n.split(".")[0] in banned]
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute):
                dotted = ast.unparse(node)
                if dotted in ("torch.load", "torch.save", "np.random.seed", "numpy.random.seed", "random.seed"):
                    wrong.append(f"{path.name}:{node.lineno} {dotted}")
                if dotted == "torch.manual_seed" and path.name not in ("loop.py", "recipe.py", "speed.py"):
                    wrong.append(f"{path.name}:{node.lineno} {dotted} outside a forked generator")
            if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
                assert isinstance(node.value, ast.Constant)
                if node.value.value:
                    wrong.append(f"{path.name} allow_pickle")
    assert not wrong, wrong


@pytest.mark.parametrize("light", LIGHT)
def test_light_modules_import_nothing_heavy(light: str) -> None:
    (tree,) = [tree for path, tree in files() if path == ROOT.parent / light]
    skip = typing_only(tree)
    top = [n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)]
    heavy = [
        n
        for stmt in top
        for line, n in imports(ast.Module([stmt], []))
        if n.split(".")[0] in HEAVY and line not in skip
    ]
    assert not heavy


def public(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            yield node


def test_every_public_function_and_class_has_a_docstring() -> None:
    silent = []
    for path, tree in files():
        where = path.relative_to(ROOT)
        if path.read_text(encoding="utf-8").strip() and not ast.get_docstring(tree) and tree.body:
            silent.append(str(where))
        silent += [f"{where}:{node.lineno} {node.name}" for node in public(tree) if not ast.get_docstring(node)]
    assert not silent, "\n".join(silent)


def test_every_file_postpones_annotations() -> None:
    late = [
        str(path.relative_to(ROOT))
        for path, tree in files()
        if any(isinstance(n, ast.FunctionDef) for n in ast.walk(tree))
        and not any(isinstance(n, ast.ImportFrom) and n.module == "__future__" for n in tree.body)
    ]
    assert not late, late


def test_only_training_and_its_callers_know_devices() -> None:
    """Models, labels and modalities follow the tensors they are given."""
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path, tree in files()
        if path.relative_to(ROOT).parts[0] in ("data", "labels", "nets", "modalities", "engines", "systems", "report")
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ("torch.cuda", "torch.backends.mps")
    ]
    assert not wrong, wrong
