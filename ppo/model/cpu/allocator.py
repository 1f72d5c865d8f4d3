"""What glibc and oneDNN keep: memory that was freed, for the next forward or handed back, and compiled products."""

import ctypes
import os
import platform
import sys

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -2, -3, -8
LARGE = 32 * 2**20  # bytes: the largest threshold that glibc takes; weights are above it, activations below

# Products are compiled for each shape, and oneDNN and torch's bridge to it keep 1,024 of them each, .6 MiB together:
# new shapes come with every reading, so that hundreds of MiB are held after a round. A block's way there and back
# takes two dozen shapes, again and again.
PRODUCTS_KEPT = 64
CACHES = ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY")


def keep_few_products() -> None:
    """Has oneDNN keep the last `PRODUCTS_KEPT` products, where the environment says nothing else.

    To be called before the first product: that is when it is read.
    """
    for cache in CACHES:
        os.environ.setdefault(cache, str(PRODUCTS_KEPT))


def keep_freed_blocks() -> None:
    """Asks glibc to keep freed blocks instead of handing them back at once: forward and backward × 1.2.

    But for large ones, which are not asked for again and again. All threads take their blocks from one place: what
    those that load a model have freed would be of no use to the one that trains it.
    """
    if (libc := _glibc()) is not None:
        libc.mallopt(M_ARENA_MAX, 1)
        libc.mallopt(M_MMAP_THRESHOLD, LARGE)
        libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
        libc.mallopt(M_TOP_PAD, 64 * 2**20)


def return_freed_blocks() -> None:
    """Hands back what is free now: after a model was loaded in one type and put into another."""
    if (libc := _glibc()) is not None:
        libc.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    if sys.platform != "linux" or platform.libc_ver()[0] != "glibc":
        return None
    return ctypes.CDLL(None)
