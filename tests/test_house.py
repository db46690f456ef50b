"""The house keeps its own rules: arrows, sizes, words, catalogues, locks. Each rule stands in README.md's map; this file enforces it."""

import ast
import re
import shutil
import statistics
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from string import Formatter

import grimp
import pytest
from ruamel.yaml import YAML

from qms.locale import LANGUAGES, catalogue

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "qms").rglob("*.py"))
CONTENT = ("procedures", "workflows", "records")
LONGEST_MODULE = 400
LONGEST_FUNCTION = 50
"""The aim is 40; one long list of a value's fields may pass it."""
TYPICAL_FUNCTION = 8


def run(*command: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def tool(name: str) -> str:
    return str(Path(sys.executable).parent / name)


def test_imports_follow_the_arrows() -> None:
    done = run(tool("lint-imports"), "--no-cache")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("module", "line", "named"),
    [
        ("utils.py", "x = 1", "utils"),
        ("people/helpers.py", "x = 1", "helpers"),
        ("people/planted.py", "from qms.records import planted", "qms.people.planted -> qms.records.planted"),
        ("desk/planted.py", "import qms.web", "qms.desk.planted -> qms.web"),
        ("workflows/planted.py", "import qms.procedures", "qms.workflows.planted -> qms.procedures"),
        ("procedures/planted.py", "import git", "qms.procedures.planted -> git"),
        ("workflows/planted.py", "import transitions", "qms.workflows.planted -> transitions"),
        ("desk/planted.py", "import jinja2", "qms.desk.planted -> jinja2"),
        ("people/planted.py", "import fastapi", "qms.people.planted -> fastapi"),
        ("cli/planted.py", "import sqlalchemy", "qms.cli.planted -> sqlalchemy"),
        ("formats/planted.py", "import qms.database", "qms.formats.planted -> qms.database"),
    ],
)
def test_a_planted_breach_of_the_arrows_is_caught(tmp_path: Path, module: str, line: str, named: str) -> None:
    shutil.copytree(ROOT / "qms", tmp_path / "qms", ignore=shutil.ignore_patterns("__pycache__", "static", "templates", "it", "en"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "qms/records/planted.py").write_text('"""Here only so that it can be imported."""\n')
    (tmp_path / "qms" / module).write_text(f"{line}\n")
    done = run(tool("lint-imports"), "--no-cache", cwd=tmp_path)
    assert "BROKEN" in done.stdout
    assert named in done.stdout[done.stdout.index("Broken contracts") :]


def test_the_seal_needs_nothing_but_the_standard_library() -> None:
    graph = grimp.build_graph("qms", include_external_packages=True, cache_dir=None)
    assert graph.find_modules_directly_imported_by("qms.records.seal") <= sys.stdlib_module_names


def test_ruff_finds_nothing() -> None:
    done = run(tool("ruff"), "check", "--no-cache", ".")
    assert done.returncode == 0, done.stdout


def test_bandit_finds_nothing_grave() -> None:
    done = run(tool("bandit"), "-q", "-lll", "-r", "qms")
    assert done.returncode == 0, done.stdout


def test_mypy_finds_nothing() -> None:
    done = run(tool("mypy"))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_and_functions_stay_short_and_open_with_a_sentence(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert len(text.splitlines()) <= LONGEST_MODULE
    assert ast.get_docstring(tree) or not tree.body
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    assert [f"{node.name}: {length(node)} lines" for node in functions if length(node) > LONGEST_FUNCTION] == []


def test_the_typical_function_is_small() -> None:
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES]
    lengths = [length(node) for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    assert statistics.median(lengths) <= TYPICAL_FUNCTION


def test_each_content_folder_is_read_by_the_package_of_its_name() -> None:
    for folder in CONTENT:
        assert (ROOT / "qms" / folder / "__init__.py").is_file()
        others = [path for path in SOURCES if not path.is_relative_to(ROOT / "qms" / folder)]
        inside = re.compile(rf"{folder}/(?!.*\.html$)")
        readers = [str(path.relative_to(ROOT)) for path in others for value in strings(path) if inside.match(value)]
        assert not readers, f"only qms/{folder} may know what lies in {folder}/"


def test_tests_mirror_the_house() -> None:
    beside = {"content", "journeys", "benchmarks", "durability"}
    rooms = {path.name for path in (ROOT / "qms").iterdir() if path.is_dir()}
    folders = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders <= rooms | beside


def test_no_workflow_state_or_step_is_named_in_the_program() -> None:
    named = set(shipped_ids())
    found = [f"{path.relative_to(ROOT)}: {value!r}" for path in SOURCES for value in strings(path) if value in named]
    telling = re.compile(r"\b(" + "|".join(re.escape(name) for name in named if re.search("[-_]", name)) + r")\b")
    for path in (*SOURCES, *(ROOT / "qms").rglob("*.html"), *(ROOT / "qms").rglob("*.js")):
        found += [f"{path.relative_to(ROOT)}: {word}" for word in telling.findall(path.read_text(encoding="utf-8"))]
    assert not found


def test_no_tracked_file_names_a_package_registry() -> None:
    dot = r"\."
    hosts = [("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com"), ("deb", "debian", "org"), ("crates", "io")]
    pattern = "|".join(dot.join(host) for host in hosts) + "|--(extra-)?index-url|--find-links"
    done = run("git", "grep", "-lIE", "-e", pattern, "--", ".", ":!tests/test_house.py", ":!bin/lock")
    assert done.stdout == ""


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-dev.txt"])
def test_every_package_is_pinned_by_hash(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    pins = re.findall(r"^([a-z0-9._-]+)==[^\s]+.*\\\n    --hash=sha256:", text, re.MULTILINE)
    assert len(pins) == len(re.findall(r"^[a-z0-9]", text, re.MULTILINE))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = {re.split(r"[\[<>=; ]", name)[0].lower().replace(".", "-") for name in project["project"]["dependencies"]}
    assert wanted <= set(pins)


def test_the_wheel_carries_starter_catalogues_and_pages(tmp_path: Path) -> None:
    done = run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path))
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        inside = set(wheel.namelist())
    tracked = run("git", "ls-files", *CONTENT, "qms").stdout.split()
    packed = {f"qms/starter/{name}" if name.split("/")[0] in CONTENT else name for name in tracked if (ROOT / name).is_file()}
    assert packed <= inside


def test_both_languages_have_the_same_keys_and_placeholders() -> None:
    italian, english = catalogue("it"), catalogue("en")
    assert italian.keys() == english.keys()
    assert {key for key in italian if placeholders(italian[key]) != placeholders(english[key])} == set()
    assert {key for language in LANGUAGES for key, text in catalogue(language).items() if not all(words(text))} == set()


def test_no_key_used_in_code_is_missing_from_the_catalogues() -> None:
    known = catalogue("it").keys()
    used = {(key, whole) for path in SOURCES for key, whole in keys_used(ast.parse(path.read_text(encoding="utf-8")))}
    for page in (ROOT / "qms/web").rglob("*.html"):
        used |= {(key, True) for key in re.findall(r"""\b(?:say|t)\(\s*["']([a-z][\w.-]+)["']\s*[,)]""", page.read_text(encoding="utf-8"))}
    missing = {key for key, whole in used if not (key in known if whole else any(name.startswith(key) for name in known))}
    assert missing == set()


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function's body; its docstring is prose and does not count."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def words(text: str | tuple[str, ...]) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else text


def placeholders(text: str | tuple[str, ...]) -> set[str]:
    return {name for form in words(text) for _, name, _, _ in Formatter().parse(form) if name} - {"count"}


@cache
def strings(path: Path) -> tuple[str, ...]:
    """Every string constant of a module, docstrings left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return tuple(
        node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose
    )


def shipped_ids() -> Iterator[str]:
    for path in (ROOT / "workflows").glob("*.yaml"):
        definition = YAML(typ="safe").load(path)
        if "states" in definition:
            yield definition["id"]
            yield from definition["states"]
            yield from definition["steps"]


def keys_used(tree: ast.AST) -> Iterator[tuple[str, bool]]:
    """Catalogue keys that a module asks for, with whether the key is whole or only its beginning (an f-string)."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id if isinstance(node.func, ast.Name) else ""
        place = {"say": 1, "knows": 1, "Reason": 0, "Problem": 2}.get(name)
        if place is None or len(node.args) <= place:
            continue
        beginning, whole = literal(node.args[place])
        if not beginning:
            continue
        if name == "Reason":
            kind, colon, _ = beginning.partition(":")
            yield f"refusal.{kind}", whole or bool(colon)
        else:
            yield (f"problem.{beginning}" if name == "Problem" else beginning), whole


def literal(node: ast.expr) -> tuple[str, bool]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value, True
    if isinstance(node, ast.JoinedStr) and node.values and isinstance(node.values[0], ast.Constant):
        return str(node.values[0].value), False
    return "", False
