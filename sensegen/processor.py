"""What this machine's processor can do."""

from pathlib import Path

BFLOAT16 = frozenset({"avx512_bf16", "amx_bf16", "bf16"})  # what Linux calls it, the last on ARM
ABOUT = Path("/proc/cpuinfo")


def precision(wanted: str) -> str:
    """`wanted`, but float32 where it is bfloat16 and the processor has no products of such numbers: there they would be
    many times slower, and no better."""
    if wanted == "bfloat16" and not (ABOUT.is_file() and BFLOAT16 & {*ABOUT.read_text(encoding="utf-8").split()}):
        return "float32"
    return wanted
