"""Nothing heavy is imported before a command or a function needs it."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "numpy", "sklearn", "pyarrow", "scipy", "pandas", "lightning", "timm", "jinja2", "PIL")


def _loaded(code: str) -> set[str]:
    show = f"import sys; print(*(name for name in {HEAVY!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", f"{code}\n{show}"], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    "code",
    [
        "import tacit",
        "import tacit.cli",
        "from tacit.cli import main\ntry:\n    main(['--help'])\nexcept SystemExit:\n    pass",
        "from tacit.cli import main\ntry:\n    main(['fit', '--help'])\nexcept SystemExit:\n    pass",
    ],
)
def test_the_door_is_light(code: str) -> None:
    assert _loaded(code) == set()


def test_reading_needs_no_torch() -> None:
    assert "torch" not in _loaded("import tacit; tacit.read([[1.0, 2.0], [3.0, 5.0]])")


def test_public_names_are_there_and_others_are_not() -> None:
    import tacit

    for name in tacit.__all__:
        assert getattr(tacit, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Fit'"):
        tacit.Fit  # noqa: B018


def test_runs_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "tacit", "--help"], capture_output=True, text=True, check=True)
    for command in ("fit", "predict", "embed", "methods", "claims", "report", "demo"):
        assert command in done.stdout
