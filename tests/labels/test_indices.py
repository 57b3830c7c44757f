"""Positions, counts and truths from whatever a user gives, and what is too large to be one."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from tacit.errors import InputError
from tacit.labels import Bags, Proportions
from tacit.labels.indices import placed, truths, whole


def test_whole_numbers_are_kept_and_the_unknown_is_minus_one() -> None:
    assert whole([3.0, None, "", "7", float("nan"), -2], "row").tolist() == [3, -1, -1, 7, -1, -2]
    assert whole(np.array([2**40, 5], dtype=np.uint64), "row").tolist() == [2**40, 5]
    assert whole([2.0**53], "row").tolist() == [2**53]


@pytest.mark.parametrize(
    "value", [1e300, -1e300, 2.0**54, float("inf"), 10**30, 10**400, "1e300", np.uint64(2**63 + 2**62)]
)
def test_what_is_too_large_is_one_clear_error_and_no_warning(value: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(InputError, match=r"preference 1 has .*, which is too large"):
            whole(np.array([0, value], dtype=None if isinstance(value, np.uint64) else object), "preference")
        with pytest.raises(InputError, match="pair 0 is"):
            truths([value], "pair")
        with pytest.raises(InputError):
            placed([value], 3, "pair")


def test_counts_and_bags_that_are_too_large_are_refused() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(InputError, match=r"bag 0 has counts .* too large"):
            Proportions([0, 0, 0], [[1e300, 2]], 3, ["a", "b"])
        with pytest.raises(InputError, match=r"record 0 has 1e\+300, which is too large"):
            Bags([1e300, 0, 0], [True], classes=["a", "b"])
