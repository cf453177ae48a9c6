"""What the project promises of itself: layers, documents and examples that stay true."""

import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from audits import audit_kinds
from connectors.config import CorpusSource, EvalSetSource
from flows.run_config import EngineConfig, RunConfig, load_config
from flows.target_mix import TargetMixConfig

ROOT = Path(__file__).parents[1]
PACKAGES = ("connectors", "audits", "reports", "flows")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("layer", PACKAGES)
def test_errors_open_with_their_tree_and_the_tree_is_true(layer):
    path = ROOT / layer / "errors.py"
    spec = importlib.util.spec_from_file_location(f"{layer}.errors", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    drawn = set(re.findall(r"^[│ ├└─]*([A-Z]\w+)", module.__doc__, re.MULTILINE))
    defined = {
        name for name, value in vars(module).items() if isinstance(value, type) and value.__module__ == module.__name__
    }
    assert defined <= drawn


def test_no_module_of_flows_hides_one_of_the_standard_library_or_a_layer():
    """Prefect loads `flows/nightly.py` by its path, with `flows/` in front of everything."""
    own = {path.stem for path in (ROOT / "flows").glob("*.py")} - {"__init__"}
    assert not own & (sys.stdlib_module_names | set(PACKAGES))


def test_there_are_no_packages_under_tests():
    assert not list((ROOT / "tests").rglob("__init__.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_says_what_it_is_about(path):
    assert path.read_text(encoding="utf-8").startswith('"""')


def test_an_audit_is_one_file_and_one_line():
    registry = (ROOT / "audits" / "__init__.py").read_text(encoding="utf-8")
    for config in audit_kinds().values():
        assert len(re.findall(rf"^\s+(?:\| )?{config.__name__},?$", registry, re.MULTILINE)) == 1


@pytest.mark.parametrize(
    "model", [RunConfig, TargetMixConfig, CorpusSource, EvalSetSource, EngineConfig, *audit_kinds().values()]
)
def test_every_key_of_the_configuration_is_documented(model):
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    for name in model.model_fields:
        assert re.search(rf"`{name}\b|\b{name}:", text), name


def test_the_published_schema_is_the_one_in_use():
    done = subprocess.run(
        [sys.executable, "-c", "from docs.build_schema import schema_text; print(schema_text(), end='')"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    assert done.stdout == (ROOT / "docs" / "config.schema.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda path: path.name)
def test_examples_are_valid(path):
    assert load_config(path).audits


def test_every_direct_dependency_is_pinned_to_what_was_tested():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    listed = [re.match(r"[A-Za-z0-9._-]+", requirement)[0] for requirement in wanted]
    pinned = set(re.findall(r"^([a-z0-9._-]+)==", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE))
    assert {name.lower() for name in listed} <= pinned


def test_files_linked_from_the_readme_exist():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", readme):
        assert (ROOT / target).exists(), target
