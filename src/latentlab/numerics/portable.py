"""Libraries held to the same arithmetic on every x86-64 CPU that has AVX2 and FMA, by switches in the environment.

Left to themselves they choose by the CPU: wider instructions, other kernels, another order of sums, a table of the
maker's for reciprocals. Each reads its switches once, when it is loaded: set them before numpy is imported.
`docs/reproducibility.md` says what each of them pins.
"""

import os
import platform
from collections.abc import MutableMapping
from typing import Literal

Numerics = Literal["portable", "native"]

PORTABLE = {
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR",
    "OPENBLAS_CORETYPE": "Haswell",
    "XLA_FLAGS": " ".join(
        (
            "--xla_cpu_max_isa=AVX2",
            # rsqrt and the like computed, not looked up in the CPU's table
            "--xla_backend_extra_options=xla_cpu_disable_platform_dependent_math",
            # empty: no product goes to YNNPACK, which looks at the CPU itself
            "--xla_cpu_experimental_ynn_fusion_type=",
        )
    ),
}
BOTH = {"TF_ENABLE_ONEDNN_OPTS": "1"}  # else the default goes by the CPU; without them convolutions take twice as long
# what would change results behind the back of `numerics`: a user's switches for single libraries
CLEARED = (
    *PORTABLE,
    *("DNNL_MAX_CPU_ISA", "ONEDNN_DEFAULT_FPMATH_MODE", "DNNL_DEFAULT_FPMATH_MODE", "NPY_ENABLE_CPU_FEATURES"),
    *("OPENBLAS_L2_SIZE", "TF_XLA_FLAGS", "TF_DISABLE_MKL", "TF_SET_ONEDNN_FPMATH_MODE"),
)


def available() -> bool:
    """Whether `portable` means something here: the switches are those of x86-64."""
    return platform.machine() in ("x86_64", "AMD64")


def switches(numerics: Numerics) -> dict[str, str]:
    """Variables that libraries read, under `numerics`; on other architectures `portable` has none of its own."""
    return BOTH | (PORTABLE if numerics == "portable" and available() else {})


def set_switches(numerics: Numerics, environment: MutableMapping[str, str] = os.environ) -> None:
    """Set them, and clear what would interfere, in the environment of this process or of one to be started."""
    for name in CLEARED:
        environment.pop(name, None)
    environment.update(switches(numerics))


def in_force() -> Numerics:
    """What the environment of this process says."""
    return "portable" if switches("portable").items() <= os.environ.items() and available() else "native"
