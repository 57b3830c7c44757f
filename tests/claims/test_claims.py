"""What holds for every claim that is found by listing the package; the parts that single claims bring along."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tacit.claims import claims_table, list_claims
from tacit.claims.arms import Arm, Desk, Frozen, Trained, shared_out
from tacit.claims.base import Claim
from tacit.claims.runner import identity, measure
from tacit.claims.sets import Draw, Split
from tacit.claims.sla import Rotated
from tacit.claims.tjepa import collapse, raw
from tacit.claims.uda import noisy
from tacit.claims.uda_text import dropped, replaced
from tacit.compare.recipe import Recipe
from tacit.compare.workbench import make_fabric
from tacit.data.batch import Affine, Batch, View
from tacit.data.read import read
from tacit.data.task import Classes
from tacit.engines.method import Step
from tacit.labels.exact import Exact
from tacit.nets.image import SmallEncoder
from tacit.systems.base import systems
from tacit.train.watch import Watch

CLAIMS = {claim.name: claim for claim in list_claims()}
MODALITY = {
    "mnist": "image",
    "digits": "image",
    "web_digits": "image",
    "trec": "text",
    "some_adults": "table",
    "dear_houses": "table",
    "even_mnist": "image",
    "large_digits": "image",
    "key_bags": "set",
    "subtype_bags": "set",
}
Fresh = Callable[..., tuple[Any, NDArray[np.int64]]]


def tiny(modality: str, fresh: Fresh) -> Split:
    raw, y = fresh(modality, 60)
    records = read(raw, modality=modality)
    inner, outer = np.arange(40), np.arange(40, 60)
    return Split("tiny", records.take(inner), y[inner], records.take(outer), y[outer], ("a", "b", "c"))


def shortened(claim: Claim, fresh: Fresh) -> Claim:
    """The same arms with 3 steps at most, on tiny data of the same modality, or on a part of a set of another kind."""
    usual = claim.data.__name__ in MODALITY
    data = tiny(MODALITY[claim.data.__name__], fresh) if usual else claim.data().subset(pool=80, test=80)

    def short(arm: Arm) -> Arm:
        if isinstance(arm, Trained):
            return replace(arm, steps=min(arm.steps, 3), draw=None)
        return replace(arm, steps=min(arm.steps, 3)) if isinstance(arm, Frozen) else arm

    return replace(
        claim,
        data=lambda: data,
        draw=Draw(per_class=2) if usual else claim.draw,
        system=short(claim.system),
        host=short(claim.host),
        others=tuple(short(arm) for arm in claim.others),
    )


def test_every_published_system_has_its_claim() -> None:
    elsewhere = {"evidence"}  # no system of one paper: benchmarks/weak_evidence.py measures it kind by kind
    measured = {n: s for n, s in systems().items() if not s.baseline and n not in elsewhere}
    again = {name for name in CLAIMS if name.endswith(("-longer", "-fewer", "-full", "-pool"))}
    assert {name.rsplit("-", 1)[0] for name in again} <= set(CLAIMS)
    others = {"uda-text", "attention-mil"}  # the second half of a system's check, and a claim of an encoder
    assert set(CLAIMS) - set(measured) - again == others
    assert CLAIMS["uda-text"].id == CLAIMS["uda"].id
    assert set(measured) <= set(CLAIMS)
    assert {n: s.catalogue for n, s in measured.items() if s.catalogue} == {
        n: CLAIMS[n].id for n, s in measured.items() if s.catalogue
    }


@pytest.mark.parametrize("name", sorted(CLAIMS))
def test_every_claim_is_measured_fairly(name: str) -> None:
    claim = CLAIMS[name]
    assert claim.seeds >= 5
    assert set(claim.summary()) == {"name", "id", "claim", "host", "labels", "steps", "seeds"}
    for text in (claim.says, claim.source, claim.chosen):
        assert text
    assert isinstance(claim.system, Trained | Frozen)
    if isinstance(claim.host, Trained) and isinstance(claim.system, Trained):
        assert claim.host.steps == claim.system.steps


@pytest.mark.parametrize("name", sorted(CLAIMS))
def test_every_claim_runs_and_is_rendered(name: str, fresh: Fresh, tmp_path: Path) -> None:
    claim = shortened(CLAIMS[name], fresh)
    result = measure(claim, tmp_path, Watch(), seeds=1, device="cpu")
    for arm in claim.arms:
        if isinstance(arm, Trained | Frozen):
            assert sum(s["steps"] for s in result["settings"][arm.name]["stages"]) == arm.steps
    page = claims_table(tmp_path)
    assert f"\n## {name}\n" in page
    assert all(arm.title in page for arm in claim.arms)


def test_steps_are_shared_out_to_the_last_one(fresh: Fresh) -> None:
    desk = Desk(tiny("image", fresh), "auto", make_fabric("cpu"), Watch())
    recipe = Recipe(systems()["simclrv2"], desk.bench())
    assert [p.steps for p in shared_out(recipe, 240)] == [120, 48, 72]
    for steps in range(4, 40):
        assert sum(p.steps for p in shared_out(recipe, steps)) == steps


def test_only_the_view_differs_between_uda_and_its_host(fresh: Fresh) -> None:
    claim = shortened(CLAIMS["uda"], fresh)
    desk = Desk(claim.data(), claim.encoder, make_fabric("cpu"), Watch())
    system, host = claim.system.describe(desk), claim.host.describe(desk)
    assert system["modality"].pop("strong") != host["modality"].pop("strong")
    assert system == host
    batch = desk.prepared.collate(desk.split.pool.gather())
    view = noisy(desk.prepared).strong(batch, torch.Generator().manual_seed(0))
    assert isinstance(view.map, Affine)
    still = torch.eye(3)[:2].expand(len(batch), 2, 3)
    torch.testing.assert_close(view.map.matrix, still, atol=1e-5, rtol=0)
    assert identity(claim, claim.system, desk) != identity(claim, claim.host, desk)


def test_only_the_view_differs_between_uda_for_texts_and_its_host(fresh: Fresh) -> None:
    claim = shortened(CLAIMS["uda-text"], fresh)
    desk = Desk(claim.data(), "small", make_fabric("cpu"), Watch(), claim.views)
    system, host = claim.system.describe(desk), claim.host.describe(desk)
    views = [described["modality"].pop("settings") for described in (system, host)]
    assert {name for name in views[0] if views[0][name] != views[1][name]} == {"strong_replace", "strong_drop"}
    assert system == host
    batch = desk.prepared.collate(desk.split.pool.gather())
    still = replaced(desk.prepared).strong(batch, torch.Generator().manual_seed(0)).batch["tokens"]
    padding = desk.prepared.tokens(batch).padding
    assert torch.equal(still[padding], batch["tokens"][padding]), "replacing moves nothing"
    assert not torch.equal(still, batch["tokens"])
    fewer = dropped(desk.prepared).strong(batch, torch.Generator().manual_seed(0)).batch["tokens"]
    assert int((~desk.prepared.tokens(Batch({"tokens": fewer})).padding).sum()) < int((~padding).sum())


def test_the_mlp_of_t_jepa_reads_standardised_latents_and_leaves_the_encoder_as_it_was(fresh: Fresh) -> None:
    claim = shortened(CLAIMS["t-jepa"], fresh)
    desk = Desk(claim.data(), claim.encoder, make_fabric("cpu"), Watch())
    assert isinstance(claim.system, Trained) and isinstance(claim.host, Trained)
    recipe = Recipe(claim.system.system, desk.bench())
    context = recipe.context(6)
    before = recipe.label_free[0].build(context, None)
    method = recipe.system.stages[1].build(context, before).train()
    batch = desk.prepared.clean(desk.prepared.collate(desk.split.pool.gather()))
    encoder = before.encoder()
    with torch.no_grad():
        local = encoder.eval()(batch).local
    method.train()
    assert not encoder.training and not any(p.requires_grad for p in encoder.parameters())
    reader = method.network.encoder  # type: ignore[union-attr]
    assert torch.equal(reader.latents(batch).pooled, local.flatten(1))
    entered = reader.standardise(reader.latents(batch).pooled)
    spread = local.flatten(1).std(0, correction=0) > 1e-2
    torch.testing.assert_close(entered.std(0, correction=0)[spread], torch.ones(int(spread.sum())), atol=0.1, rtol=0)
    assert raw(desk.prepared).weights.spec == "mlp"
    assert raw(desk.prepared).state()[0]["settings"] == desk.prepared.state()[0]["settings"]


@pytest.mark.parametrize("second_task", [False, True])
def test_rotation_losses_are_means_over_the_four_turns(second_task: bool) -> None:
    """Against one pass a turn with numpy's rot90; evaluation mode, so that batch statistics play no part."""
    method = Rotated(SmallEncoder(1, (8, 8)), Classes(("a", "b", "c")), second_task).eval().requires_grad_(False)
    pixels = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    y = np.array([0, 1, 2, 0, 1])
    batch = Batch({"pixels": pixels})
    step = Step(
        labelled={"weak": View(batch, Affine(torch.empty(5, 0, 0)))},
        unlabelled={},
        labelled_index=torch.arange(5),
        unlabelled_index=torch.empty(0, dtype=torch.int64),
        evidence=Exact(y, ["a", "b", "c"]).model(),
        progress=0.0,
        generator=torch.Generator(),
    )
    losses = method.loss(step)
    classes, turns = [], []
    for turn in range(4):
        turned = torch.from_numpy(np.rot90(pixels.numpy(), turn, axes=(2, 3)).copy())
        pooled = method.network.features(Batch({"pixels": turned})).pooled
        log_p = torch.log_softmax(method.network.head(pooled), dim=1)
        classes.append(-log_p[torch.arange(5), torch.from_numpy(y)].mean())
        if method.turn is not None:
            turns.append(-torch.log_softmax(method.turn(pooled), dim=1)[:, turn].mean())
    assert float(losses["supervised"]) == pytest.approx(float(torch.stack(classes).mean()), rel=1e-5)
    assert ("turn" in losses) == second_task
    if second_task:
        assert float(losses["turn"]) == pytest.approx(float(torch.stack(turns).mean()), rel=1e-5)


def test_collapse_is_seen() -> None:
    rng = np.random.default_rng(0)
    spread = rng.normal(size=(4000, 8)).astype(np.float32)
    line = (rng.normal(size=(4000, 1)) * np.ones((1, 8))).astype(np.float32)
    assert collapse(spread)["effective rank"] == pytest.approx(8, rel=0.01)
    assert collapse(spread)["feature deviation"] == pytest.approx(1, rel=0.02)
    assert collapse(line)["effective rank"] == pytest.approx(1, rel=0.01)
    assert collapse(np.ones((10, 8), dtype=np.float32))["feature deviation"] == 0
