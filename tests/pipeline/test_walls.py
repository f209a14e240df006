"""Who may know whom, who reads the environment and the clock, and that a failure's exit code is its own."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

import features
import models
import pipeline
from features.errors import PentadError

ROOT = Path(features.__file__).parents[1]
FILES = sorted(file for room in (features, models, pipeline) for file in Path(room.__file__).parent.rglob("*.py"))
CLOCKS = {"today", "now", "utcnow"}
#: The one room or module that may import each of these.
ONLY = {"duckdb": "features/sources/", "adbc_driver_postgresql": "features/sources/",
        "pyspark": "features/sources/spark.py", "mlflow": "pipeline/tracking.py"}


@cache
def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def room_of(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def imported(tree: ast.AST) -> set[str]:
    """The packages a file imports anywhere, inside functions too."""
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    return {name.split(".")[0] for name in names}


def environment_reads(tree: ast.AST) -> list[str]:
    """Places that read the environment; ``os.environ[k] = v`` and ``os.environ.setdefault(k, v)`` as statements only set it."""
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    reads = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "os":
            reads += [alias.name for alias in node.names if alias.name in {"environ", "getenv", "environb"}]
        if not isinstance(node, ast.Attribute) or node.attr not in {"environ", "getenv", "environb"}:
            continue
        use = parents[node]
        sets = isinstance(use, ast.Subscript) and isinstance(use.ctx, ast.Store)
        call = parents.get(use)
        defaults = isinstance(use, ast.Attribute) and use.attr == "setdefault" and isinstance(parents.get(call), ast.Expr)
        if not (sets or defaults):
            reads.append(f"line {node.lineno}")
    return reads


def clock_reads(tree: ast.AST) -> list[str]:
    """Calls such as ``date.today()``, ``datetime.now()``, ``pd.Timestamp("now")``, and ``time.time()``."""
    reads = []
    for node in (n for n in ast.walk(tree) if isinstance(n, ast.Call)):
        called = node.func
        if isinstance(called, ast.Attribute) and called.attr in CLOCKS:
            reads.append(f"line {node.lineno}")
        if isinstance(called, ast.Attribute) and ast.unparse(called) in {"time.time", "time.localtime", "time.strftime"}:
            reads.append(f"line {node.lineno}")
        if any(isinstance(a, ast.Constant) and a.value in ("now", "today") for a in node.args):
            reads.append(f"line {node.lineno}")
    return reads


def failures(kind: type[PentadError] = PentadError) -> list[type[PentadError]]:
    return [found for child in kind.__subclasses__() for found in (child, *failures(child))]


def test_the_import_contracts_of_pyproject_are_kept():
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())",
         "--no-cache"],
        cwd=ROOT, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


@pytest.mark.parametrize("file", FILES, ids=room_of)
def test_only_settings_reads_the_environment(file):
    if room_of(file) != "pipeline/settings.py":
        assert environment_reads(tree_of(file)) == []


def test_settings_does_read_the_environment():
    assert environment_reads(tree_of(ROOT / "pipeline" / "settings.py"))


@pytest.mark.parametrize("file", FILES, ids=room_of)
def test_no_module_but_clock_asks_what_day_it_is(file):
    assert bool(clock_reads(tree_of(file))) == (room_of(file) == "pipeline/clock.py")


@pytest.mark.parametrize("file", FILES, ids=room_of)
def test_the_clock_is_read_for_logs_of_decisions_and_runs_alone(file):
    if "pipeline.clock" in file.read_text(encoding="utf-8"):
        assert room_of(file) in ("pipeline/tracking.py", "pipeline/override.py", "pipeline/outcomes.py", "pipeline/journal.py",
                                 "pipeline/shelf.py")


@pytest.mark.parametrize(("line", "finder"), [
    ("import os\nx = os.environ.get('A')", environment_reads), ("import os\nx = os.getenv('A')", environment_reads),
    ("from os import environ", environment_reads), ("import os\nx = os.environ.setdefault('A', '')", environment_reads),
    ("x = date.today()", clock_reads), ("x = pd.Timestamp.now()", clock_reads), ("x = pd.Timestamp('today')", clock_reads),
])
def test_the_readers_above_see_what_they_look_for(line, finder):
    assert finder(ast.parse(line))


@pytest.mark.parametrize(("package", "allowed"), ONLY.items())
def test_one_room_alone_imports_the_engines_and_one_module_the_tracker(package, allowed):
    found = [room_of(file) for file in FILES if package in imported(tree_of(file))]
    assert found and all(place.startswith(allowed) for place in found)


def test_every_named_failure_has_an_exit_code_of_its_own_above_the_reserved_ones():
    for file in FILES:
        if file.name != "__init__.py":
            import_module(room_of(file).removesuffix(".py").replace("/", "."))
    codes = [kind.exit_code for kind in failures()]
    assert len(codes) == len(set(codes)), sorted((kind.exit_code, kind.__name__) for kind in failures())
    assert min(codes) >= 10
    assert max(codes) < 126
    assert all(kind.__doc__ for kind in failures())


def test_an_installation_has_every_package():
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"]
    there = {str(path.parent.relative_to(ROOT)).replace("/", ".") for folder in ("features", "models", "pipeline")
             for path in (ROOT / folder).rglob("__init__.py")}
    assert set(packages) == there
