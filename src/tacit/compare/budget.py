"""How long a run may take, as people write it; apart from the plan so that a bad one is told at once."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tacit.errors import InputError


@dataclass(frozen=True)
class Budget:
    """Wall-clock seconds to plan for, or steps of every final fit."""

    seconds: float | None = None
    steps: int | None = None

    @staticmethod
    def parse(text: str | float) -> Budget:
        """From "90s", "2m", "1h30m", "300steps", or a number of seconds."""
        if isinstance(text, int | float):
            return Budget.parse(f"{text}s")
        clean = text.strip().lower().replace(" ", "")
        if match := re.fullmatch(r"(\d+)steps?", clean):
            steps = int(match[1])
            if steps < 1:
                raise InputError(f"the budget {text!r} has no step; give at least 1step")
            return Budget(steps=steps)
        match = re.fullmatch(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?", clean)
        if not clean or match is None:
            raise InputError(f"cannot read the budget {text!r}; write 90s, 2m, 1h30m or 300steps")
        hours, minutes, seconds = (float(part or 0) for part in match.groups())
        total = 3600 * hours + 60 * minutes + seconds
        if total < 5:
            raise InputError(f"the budget {text!r} is too short for one candidate; give at least 5s, better 1m")
        return Budget(seconds=total)

    def without(self, spent: float) -> Budget:
        """What is left after ``spent`` seconds, none in the worst case; a budget in steps stays whole."""
        return self if self.seconds is None else Budget(seconds=max(self.seconds - spent, 0.0))

    def __str__(self) -> str:
        if self.steps is not None:
            return f"{self.steps}steps"
        return f"{self.seconds:.3f}".rstrip("0").rstrip(".") + "s"
