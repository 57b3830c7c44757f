"""Compressed features: two networks with nested dropout, then co-teaching between them (catalogue 45).

Source: Chen et al. 2022, "Compressing Features for Learning with Noisy Labels", and Chen et al. 2021, "Boosting
Co-teaching with Compression Regularization for Label Noise", whose code was read. Against co-teaching it has the
compression of pooled features, and a first stage in which the networks learn apart. The option ``compression`` is
"nested", "dropout" or "none".

Paper and code read at prediction the prefix of channels that is best on clean validation records. Nobody has those
here: the channels that at least a tenth of the draws let through are read, and records are chosen by them too. The
code draws one cut-off for both networks, here each draws its own; its deviation on Clothing1M is 100 of 512
channels, here 0.2 of all. It chooses records in a pass of their own; here one pass serves both. Predictions are the
mean of both networks' in both. How the budget splits over the stages is ours.
"""

from __future__ import annotations

from typing import cast

from torch import nn

from tacit.engines.coteaching import CompressedEncoder, Compression, CoTeaching, Dropout, NestedDropout
from tacit.engines.method import Context, Method
from tacit.engines.robust import named_views
from tacit.engines.settings import Settings, defaults
from tacit.nets.network import Network
from tacit.systems.base import Stage, System
from tacit.systems.supervised_augmented import settings


def compressed(context: Context) -> nn.Module:
    """A new encoder with the compression that the options name."""
    encoder = context.encoder()
    kind = context.options.get("compression", "nested")
    if kind == "none":
        return encoder
    if kind not in ("nested", "dropout"):
        raise ValueError(f"unknown compression {kind!r}; known are nested, dropout and none")
    width = cast(int, encoder.width)
    compression: Compression = (
        NestedDropout(width, context.option("deviation", 0.2))
        if kind == "nested"
        else Dropout(context.option("dropout", 0.5))
    )
    return CompressedEncoder(encoder, compression)


def apart(context: Context, before: Method | None) -> Method:
    """Two networks on all records: nothing is forgotten, so neither hears of the other."""
    first, second = (Network(compressed(context), context.task.outputs) for _ in range(2))
    return CoTeaching((first, second), context.task, named_views(context), forget=0.0)


def together(context: Context, before: Method | None) -> Method:
    """Co-teaching of the averaged networks."""
    assert isinstance(before, CoTeaching)
    first, second = (member.requires_grad_(True) for member in before.members())
    forget, ramp = context.option("forget", 0.2), context.option("ramp", 1 / 6)
    return CoTeaching((first, second), context.task, named_views(context), forget, ramp)


def gentler(context: Context) -> Settings:
    """For networks that have learned already."""
    usual = defaults(context.prepared)
    return usual.but(rate=0.2 * usual.rate, most_steps=1000)


def half(context: Context) -> Settings:
    """Half of the steps that one network would take."""
    return settings(context).but(most_steps=1000)


SYSTEM = System(
    name="nested-co-teaching",
    title="Nested dropout and co-teaching",
    family="supervised",
    stages=(
        Stage("apart", apart, share=0.5, settings=half),
        Stage("together", together, share=0.5, settings=gentler),
    ),
    catalogue=45,
    paper="Chen et al. 2022, arXiv 2206.13140; Chen et al. 2021, arXiv 2104.13766",
)
