"""What a claim consists of: data, how many labels, the system, its host, and other arms that are only reported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tacit.claims.arms import Arm, Trained
from tacit.claims.sets import AnyDraw, Split
from tacit.listing import constants, pick

RESULTS = Path("benchmarks/results/claims")
"""Where results are kept, in a clone of the repository."""


@dataclass(frozen=True)
class Claim:
    """A system's claim, as it is measured here.

    ``says`` is what the source claims; ``gain`` the gain over the host that it claims, as a difference of
    accuracies, None where it names none. ``chosen``: what this measurement chose where the source or the catalogue's
    check leaves room. ``system`` and ``host`` take the same steps; ``others`` are reported beside them, and ``peer``
    names the arm among them that the host must come near to count as sound, None where that means nothing.
    ``views``: options of the modality's views, where they are not its defaults. ``remark``: why it came out as it
    did, written after a second look.
    """

    name: str
    title: str
    says: str
    source: str
    chosen: str
    data: Callable[[], Split]
    draw: AnyDraw
    system: Arm
    host: Arm
    others: tuple[Arm, ...]
    peer: str | None
    id: int | None = None
    gain: float | None = None
    encoder: str = "auto"
    views: dict[str, float] = field(default_factory=dict)
    seeds: int = 5
    remark: str = ""

    def __post_init__(self) -> None:
        names = [arm.name for arm in self.arms]
        if len(set(names)) != len(names):
            raise ValueError(f"two arms of the claim {self.name!r} have the same name")
        if self.peer is not None and self.peer not in names:
            raise ValueError(f"the peer {self.peer!r} is no arm of the claim {self.name!r}")
        if self.host.steps != self.system.steps and self.host.trained:
            raise ValueError(f"system and host of the claim {self.name!r} take different numbers of steps")

    @property
    def arms(self) -> tuple[Arm, ...]:
        """System, host and the others, in the order in which they are run."""
        return (self.system, self.host, *self.others)

    def summary(self) -> dict[str, Any]:
        """What a list of claims shows, as JSON: the claim, what it is measured on, and steps × seeds."""
        return {
            "name": self.name,
            "id": self.id,
            "claim": self.says,
            "host": self.host.title,
            "labels": str(self.draw),
            "steps": self.system.steps,
            "seeds": self.seeds,
        }


def list_claims() -> list[Claim]:
    """Every claim of the library, by name."""
    return list(constants("tacit.claims", "CLAIM").values())


def find_claim(name: str) -> Claim:
    """The claim of that name; an unknown one is an `InputError` that suggests the nearest."""
    claim: Claim = pick(name, {claim.name: claim for claim in list_claims()}, "claim")
    return claim


def longer(claim: Claim, steps: int) -> Claim:
    """A second look at a claim that did not reproduce: host and system take so many steps, on the same draws.

    Arms beside them that are trained are left out.
    """
    assert isinstance(claim.system, Trained) and isinstance(claim.host, Trained)
    return replace(
        claim,
        name=f"{claim.name}-longer",
        title=f"{claim.title}, {steps:,} steps",
        chosen=f"A second look: as {claim.name}, with {steps / claim.system.steps:.3g} times the steps.",
        system=replace(claim.system, steps=steps),
        host=replace(claim.host, steps=steps),
        others=tuple(arm for arm in claim.others if not arm.trained and arm.steps == 0),
        seeds=5,
        remark="",
    )
