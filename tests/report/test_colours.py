"""Colours carry meaning on the page: they must be seen, and told apart without full colour vision."""

from __future__ import annotations

import re
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from tacit.report.page import _asset

# Machado, Oliveira and Fernandes (2009), severity 1.0, on linear RGB.
VISION = {
    "full": np.eye(3),
    "protan": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deutan": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritan": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}


def palette(mode: str) -> dict[str, np.ndarray[Any, Any]]:
    """Custom properties of the style sheet as linear RGB."""
    blocks = re.findall(r":root \{(.*?)\}", _asset("page.css"), re.DOTALL)
    found = re.findall(r"--([\w-]+): #([0-9a-f]{6})", blocks[("light", "dark").index(mode)])
    return {name: linear(value) for name, value in found}


def linear(value: str) -> np.ndarray[Any, Any]:
    s = np.array([int(value[i : i + 2], 16) / 255 for i in (0, 2, 4)])
    return np.where(s <= 0.04045, s / 12.92, ((s + 0.055) / 1.055) ** 2.4)


def contrast(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> float:
    """The ratio of WCAG 2.2."""
    x, y = sorted((float(c @ [0.2126, 0.7152, 0.0722]) for c in (a, b)), reverse=True)
    return (x + 0.05) / (y + 0.05)


def oklab(rgb: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    lms = np.cbrt(
        np.clip(rgb, 0, 1)
        @ np.array([[0.41222, 0.21190, 0.08830], [0.53633, 0.68070, 0.28172], [0.05145, 0.10740, 0.62998]])
    )
    result: np.ndarray[Any, Any] = lms @ np.array(
        [[0.21045, 1.97800, 0.02590], [0.79362, -2.42859, 0.78277], [-0.00407, 0.45059, -0.80868]]
    )
    return result


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_text_and_marks_stand_out(mode: str) -> None:
    colours = palette(mode)
    for ground in ("bg", "panel"):
        for text in ("ink", "soft", "better", "worse", "same", "unknown"):
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
        for k in range(10):
            assert contrast(colours[f"g{k}"], colours[ground]) >= 3.0, (k, ground)
    assert contrast(colours["soft"], colours["faint"]) >= 4.5
    assert contrast(colours["on-deep"], colours["hit"]) >= 4.5


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("vision", list(VISION))
def test_classes_are_told_apart(mode: str, vision: str) -> None:
    colours = palette(mode)
    seen = [oklab(VISION[vision] @ colours[f"g{k}"]) for k in range(10)]
    nearest = min(float(np.linalg.norm(a - b)) for a, b in combinations(seen, 2))
    assert nearest >= 0.08


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("vision", list(VISION))
def test_better_and_worse_are_told_apart(mode: str, vision: str) -> None:
    colours = palette(mode)
    better, worse = (oklab(VISION[vision] @ colours[name]) for name in ("better", "worse"))
    assert np.linalg.norm(better - worse) >= 0.12


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_the_ramp_of_values_goes_one_way(mode: str) -> None:
    colours = palette(mode)
    lightness = np.array([oklab(colours[f"s{k}"])[0] for k in range(7)])
    steps = np.diff(lightness)
    assert (steps < -0.02).all() or (steps > 0.02).all()
