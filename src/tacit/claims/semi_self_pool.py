"""A second look at imbalanced semi/self (catalogue 303): its semi-supervised half, by which it stands as well."""

from __future__ import annotations

from dataclasses import replace

from tacit.claims.logit_adjustment import Tailed
from tacit.claims.semi_self import CLAIM as FIRST
from tacit.claims.semi_self import STEPS
from tacit.systems.semi_self import SEMI

CLAIM = replace(
    FIRST,
    name="imbalanced-semi-self-pool",
    title="Imbalanced semi/self, pseudo-labelled pool",
    chosen="A second look: as imbalanced-semi-self, with the other half of the paper, pseudo-labels for the rest of "
    "the pool by a first model, in place of pretraining.",
    system=Tailed("semi", "class-balanced, pseudo-labelled pool", SEMI, STEPS),
    others=tuple(arm for arm in FIRST.others if arm.name == "logistic"),
    remark="",
    seeds=10,
)
