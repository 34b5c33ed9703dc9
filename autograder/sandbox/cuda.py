"""What a room needs of this machine to use a GPU: device files, and the folders that hold the driver and CUDA."""

from __future__ import annotations

import os
import stat
from pathlib import Path

_DRIVER = (("/usr/local/nvidia", "lib64"), ("/usr/lib/wsl", "lib"), ("/run/opengl-driver", "lib"))
"""Where containers, WSL and NixOS keep the driver's libraries: the folder, and the one below it that is searched."""
_TOOLKITS = ("usr/local/cuda*", "opt/cuda*")
_LIBRARIES = ("libcuda.so*", "libcudart.so*", "libcudnn.so*", "libcublas.so*")


def nodes() -> list[str]:
    """Every device file: CUDA counts them, and ``CUDA_VISIBLE_DEVICES`` names the one to use."""
    return sorted(str(path) for path in Path("/dev").glob("nvidia*"))


def folders(root: Path = Path("/")) -> list[str]:
    """To be shown for reading: the driver's, NVIDIA's toolkits (XLA wants their ``ptxas``), and those of ``searched``.

    Packages that pip or conda installed lie with Python, which a room sees anyway.
    """
    known = [root / place.lstrip("/") for place, _ in _DRIVER]
    toolkits = [path for pattern in _TOOLKITS for path in sorted(root.glob(pattern))]
    found = [str(path) for path in (*known, *toolkits) if path.is_dir()]
    inner = (path for path in searched(root) if not any(Path(outer) in Path(path).parents for outer in found))
    return list(dict.fromkeys((*found, *inner)))


def searched(root: Path = Path("/")) -> list[str]:
    """For ``LD_LIBRARY_PATH``, which a room does not get from its caller: a driver that only the caller's names is
    found again, and of the caller's folders those that hold CUDA and are open to every user, in their order.

    A toolkit is not added of its own accord: it would come before the libraries that TensorFlow was installed with.
    """
    own = [Path(place) for place in os.environ.get("LD_LIBRARY_PATH", "").split(":") if place.startswith("/")]
    drivers = [root / place.lstrip("/") / below for place, below in _DRIVER]
    return list(
        dict.fromkeys(str(path) for path in (*filter(_cuda, own), *(path for path in drivers if path.is_dir())))
    )


def _cuda(folder: Path) -> bool:
    return _open(folder) and any(next(folder.glob(pattern), None) for pattern in _LIBRARIES)


def _open(folder: Path) -> bool:
    """Whether a room's user, who is nobody here, can get there."""
    return folder.is_dir() and all(place.stat().st_mode & stat.S_IXOTH for place in (folder, *folder.parents))
