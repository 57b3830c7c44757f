"""Where bf16 is faster than float32."""

from __future__ import annotations

import torch


def has_bf16_units() -> bool:
    """Whether the processor multiplies bf16 in hardware; without that, bf16 is slower than float32."""
    has = torch.cpu.get_capabilities()
    return bool(has.get("avx512_bf16") or has.get("amx_bf16"))


def bf16_is_fast(device: torch.device) -> bool:
    """Whether a network runs faster on the device in bf16."""
    return torch.cuda.is_bf16_supported() if device.type == "cuda" else has_bf16_units()


def half_precision(device: torch.device) -> torch.autocast:
    """A context for reading frozen encoders in bf16 where that is faster: their features change by about 0.5 %.

    It is for what a head is fitted on, where classes differ by more; what a network predicts stays in float32.
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=bf16_is_fast(device))
