"""A network on more samples than its activations have room for, with the gradient of one call.

Evidence on a large bag needs the outputs of all its samples before the gradient of any is known. So every chunk runs
twice: first to fill the outputs, keeping nothing else; then, when the gradient with respect to its outputs is known,
again to carry that gradient on to the weights. Randomness is replayed. (Gradient checkpointing: Chen et al. 2016,
"Training deep nets with sublinear memory cost"; on contrastive losses it is known as GradCache, Gao et al. 2021.)
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

from tacit.data.batch import Batch
from tacit.errors import InputError


def in_chunks(module: nn.Module, batch: Batch, size: int) -> Tensor:
    """(B, outputs) of ``module``, a `Batch` to a tensor, in the memory of ``size`` samples; differentiable.

    Exact where samples do not see each other. A layer that takes statistics over the batch is an `InputError` that
    names it; see `freeze_statistics`. Twice the forward time.
    """
    if len(batch) <= size:
        outputs: Tensor = module(batch)
        return outputs
    if layers := batch_statistics(module):
        kind = type(module.get_submodule(layers[0])).__name__
        raise InputError(
            f"{len(batch):,} samples have to be seen in one step, which is too much at once, and layer {layers[0]!r} "
            f"({kind}) averages over all of them: take an encoder without batch statistics, or freeze them"
        )
    names = list(batch.tensors)

    def run(*tensors: Tensor) -> Tensor:
        part: Tensor = module(Batch(dict(zip(names, tensors, strict=True))))
        return part

    starts = range(0, len(batch), size)
    chunks = (batch.take(slice(start, start + size)) for start in starts)
    # tensors, not batches: among its arguments checkpoint looks for the devices whose generators it has to replay
    return torch.cat([checkpoint(run, *chunk.tensors.values(), use_reentrant=False) for chunk in chunks])


def batch_statistics(module: nn.Module) -> list[str]:
    """Names of the layers that normalise by statistics of the batch as they stand now."""
    return [
        name
        for name, layer in module.named_modules()
        if isinstance(layer, _BatchNorm) and (layer.training or layer.running_mean is None)
    ]


def freeze_statistics(module: nn.Module) -> None:
    """Let batch normalisation use its running statistics from now on, until ``train()`` is called again."""
    for layer in module.modules():
        if isinstance(layer, _BatchNorm) and layer.running_mean is not None:
            layer.eval()
