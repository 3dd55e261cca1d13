"""Python, torch and the graphics card."""

from __future__ import annotations

import platform
import struct
import sys

from pmmlink.runtime.doctor.check import Finding, Level

_OLDEST_PYTHON = (3, 10)
_OLDEST_TORCH = (2, 4)


def check_python() -> Finding:
    """Version and word size of the interpreter, and the system it runs on."""
    version = platform.python_version()
    bits = struct.calcsize("P") * 8
    text = f"{version}, {bits} bit, {platform.system()} {platform.release()} {platform.machine()}"
    facts = {"version": version, "bits": bits, "system": platform.platform(), "executable": sys.executable}
    if sys.version_info[:2] < _OLDEST_PYTHON or bits != 64:
        wanted = ".".join(map(str, _OLDEST_PYTHON))
        return Finding("Python", Level.FAULT, text, f"install a 64-bit Python {wanted} or newer", facts)
    return Finding("Python", Level.OK, text, facts=facts)


def check_torch() -> Finding:
    """Whether torch loads, and is new enough."""
    try:
        import torch
    except (ImportError, OSError) as error:
        return Finding(
            "torch", Level.FAULT, f"does not load: {' '.join(str(error).split())}", _torch_advice()
        )
    version = str(torch.__version__)
    facts = {"version": version, "threads": torch.get_num_threads()}
    release = version.split("+", maxsplit=1)[0].split(".")
    if tuple(int(part) for part in release[:2]) < _OLDEST_TORCH:
        wanted = ".".join(map(str, _OLDEST_TORCH))
        advice = f"pip install -U 'torch>={wanted}'"
        return Finding("torch", Level.FAULT, f"{version} is too old", advice, facts)
    return Finding("torch", Level.OK, version, facts=facts)


def check_cuda() -> Finding:
    """The graphics card, which nothing needs: one face runs on one processor core."""
    import torch

    if not torch.cuda.is_available():
        built = torch.version.cuda
        why = (
            f"torch is built for CUDA {built}, but finds no card" if built else "torch is built without CUDA"
        )
        return Finding("CUDA", Level.OK, f"none ({why}); the processor is used", facts={"available": False})
    card = torch.cuda.get_device_properties(0)
    memory_gb = card.total_memory / 2**30
    facts = {"available": True, "card": card.name, "memory_gib": round(memory_gb, 1)}
    return Finding(
        "CUDA", Level.OK, f"{card.name}, {memory_gb:.1f} GiB, CUDA {torch.version.cuda}", facts=facts
    )


def _torch_advice() -> str:
    if sys.platform == "win32":
        return (
            "install the Visual C++ Redistributable (https://aka.ms/vs/17/release/vc_redist.x64.exe), "
            "then pip install --force-reinstall torch"
        )
    return "pip install --force-reinstall torch"
