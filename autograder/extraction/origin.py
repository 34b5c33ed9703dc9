"""Where the weights of the final model come from, if not from a training in this run: a file, or the notebook's source.

Nothing that was handed in is parsed or loaded for this: weights are looked for as bytes. Weights that were stored with
less precision, or compressed otherwise than by zip or gzip, are not recognised; that no training left them is told all
the same.
"""

from __future__ import annotations

import base64
import binascii
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from autograder import zips
from autograder.extraction.inlaid import without_pictures
from autograder.extraction.matching import Candidate
from autograder.records import Cell, CellKind, Digest, Message, say
from autograder.store import Store

SAMPLES, WIDTH = 64, 32
"""Samples of a model's weights that are looked for, and bytes of each: eight numbers, which do not agree by chance."""
FEWEST = 8
MOST = 0.5
"""Share of the samples from which on weights are those of a file: a base that was kept counts, one layer does not."""
SHRUNK = 4
"""Of one archive, so many times its own size is read: many models may be compared with one."""
AKIN = 2 / 3
"""Share of the weights that must have one sign in both of two models for one to come from the other."""
UNPACKED = 64 * 2**20
"""Bytes read of one archive."""
ZIPPED = 5_000
"""Members of one archive."""
PACKED = 10_000
"""Bytes of a cell that are left once it is compressed. Code shrinks to a quarter: so many need forty thousand typed
signs; weights do not shrink."""
DENSE = 1000
"""Bytes of all stretches in the code that nobody types, once compressed. Of thirteen hundred honest notebooks none has
more than twelve, and images are hardly told apart well by a thousand bytes of weights."""
PART = 100
"""Bytes of them in one cell, from which on it is put together with others."""
LONG, CROWDED = 3000, 0.6
"""Bytes of a cell, and the share of them that is left once it is compressed, from which on all of it is dense: honest
cells of that length come to 0.47 at most."""
_RUN = re.compile(rb"[A-Za-z0-9+/=]{60,}")
_STRETCH = re.compile(rb"[A-Za-z0-9+/=_-]{60,}+|(?:[-+]?[0-9][0-9.eE+-]*+[,;\s]++){100,}+|\S{200,}+")
"""What nobody types: base64, a hundred numbers in a row, two hundred signs without a blank."""
LISTED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """What a submission holds beside the code that trains."""

    name: str = ""
    """Of a file."""
    cell: int | None = None
    """Index of a cell with packed data."""
    content: bytes
    pictures: bool = False
    """Whether nothing in a cell but pictures is hardly anybody's typing: weights may still be looked for in them."""

    @property
    def told(self) -> str:
        """For people."""
        return self.name[:80] if self.cell is None else str(self.cell + 1)


def brought(files: Mapping[str, Digest], cells: Sequence[Cell], template: Sequence[str], store: Store) -> list[Brought]:
    """Files beside the notebook, and cells with data in their source that are not the template's."""
    found = [Brought(name=name, content=store.get(content)) for name, content in sorted(files.items())]
    sources = {
        cell.index: cell.source.encode("utf-8", "surrogatepass")
        for cell in cells
        if cell.kind is CellKind.CODE and cell.source not in template
    }
    plain = {index: without_pictures(source) for index, source in sources.items()}
    large, whole = _large(plain), _large(sources)
    found += [Brought(cell=index, content=sources[index], pictures=index not in large) for index in whole]
    # Weights may be spread over cells: what no single one of them holds is looked for in all of them together.
    sizes = _sizes(sources)
    if sum(sizes.values()) > DENSE and not set(sizes) <= set(whole):
        rest = _sizes(plain)
        content = b"\n".join(sources[index] for index in sizes)
        pictures = sum(rest.values()) <= DENSE or set(rest) <= set(large)
        largest = max(sizes if pictures else rest, key=lambda index: sizes.get(index, 0))
        found.append(Brought(cell=largest, content=content, pictures=pictures))
    return found


def _large(sources: Mapping[int, bytes]) -> list[int]:
    """Cells that hold much by themselves."""
    return [index for index, source in sources.items() if len(source) > PACKED and len(zlib.compress(source)) > PACKED]


def _sizes(sources: Mapping[int, bytes]) -> dict[int, int]:
    """Cells that hold some, and how many bytes each."""
    return {index: size for index, source in sources.items() if (size := _dense(source)) > PART}


def _dense(source: bytes) -> int:
    """Bytes that its stretches come to, once compressed; all of it where it hardly shrinks."""
    whole = len(zlib.compress(source)) if len(source) >= LONG else 0
    if whole > CROWDED * len(source):
        return whole
    return len(zlib.compress(b"".join(_STRETCH.findall(source))))


def origin(
    one: Candidate,
    trained: Sequence[Candidate],
    things: Sequence[Brought],
    store: Store,
    *,
    followed: bool,
    left: Iterable[tuple[int, Digest]] = (),
) -> Message | None:
    """What is to be said of where the final model's weights come from; None where a training left them.

    ``trained``: what the trainings of this run left; ``followed``: whether all training that took place is known;
    ``left``: number and saved model of all trainings, also of what is no candidate.
    """
    own = () if one.artifact is None else pieces(store.get(one.artifact))
    source = next((thing for thing in things if _holds(thing.content, own)), None)
    if one.training is not None:
        return None if source is None else _trained_in_vain(source)
    if source is not None:
        return _not_trained(source)
    if not followed or _made_of(own, trained, store):
        return None
    around = next((number for number, saved in left if held_by(store.get(saved), own)), None)
    if around is not None:
        return say(
            "The weights of the final model are part of what training {number:int} left, of another model: what they "
            "were before that is not looked at.",
            number=around,
        )
    return _unknown(things, any(other.training is not None for other in trained))


def packed(things: Sequence[Brought]) -> Message | None:
    cells = [thing for thing in things if thing.cell is not None and not thing.pictures]
    if not cells:
        return None
    largest = max(cells, key=lambda thing: len(thing.content))
    return say(
        "Cell {cell:int} holds {size:int} kB of source that is hardly anybody's typing: perhaps a stored model.",
        cell=(largest.cell or 0) + 1,
        size=len(largest.content) // 1000,
    )


def _trained_in_vain(source: Brought) -> Message:
    if source.cell is not None:
        return say(
            "The final model was trained in this run, and yet its weights stand in the source of cell {cell}.",
            cell=source.told,
        )
    return say(
        "The final model was trained in this run, and yet its weights are those of {name}, which was handed in.",
        name=source.told,
    )


def _not_trained(source: Brought) -> Message:
    if source.cell is not None:
        return say(
            "The final model was not trained in this run: its weights come from the source of cell {cell}.",
            cell=source.told,
        )
    return say(
        "The final model was not trained in this run: its weights come from {name}, which was handed in.",
        name=source.told,
    )


def _unknown(things: Sequence[Brought], some_trained: bool) -> Message:
    """Files of any kind are named, since weights in another form are not recognised in them."""
    names = [thing.told for thing in things if thing.name]
    if not names and some_trained:
        return say(
            "No training in this run left the weights of the final model: they were put together from others, or set "
            "by the code."
        )
    if not names:
        return say("Nothing was trained in this run: the weights of the final model come from elsewhere.")
    files = ", ".join(names[:LISTED]) + (" …" if len(names) > LISTED else "")
    if some_trained:
        return say(
            "No training in this run left the weights of the final model: they were put together from others, or come "
            "from elsewhere (files that were handed in: {files}).",
            files=files,
        )
    return say(
        "Nothing was trained in this run: the weights of the final model come from elsewhere (files that were handed "
        "in: {files}).",
        files=files,
    )


# --- weights as bytes ----------------------------------------------------------------------------------------------


def samples(weights: bytes) -> tuple[bytes, ...]:
    """Stretches of eight different float32 of the size that weights have, spread over the bytes; none where few are.

    Text, addresses and zeros, which any two files may share, are not of that size.
    """
    numbers = np.frombuffer(weights[: len(weights) // WIDTH * WIDTH], "<f4").reshape(-1, WIDTH // 4)
    with np.errstate(invalid="ignore"):
        sizes = np.abs(numbers)
        fit = ((sizes > 1e-9) & (sizes < 1e6)).all(axis=1)
    rows = np.flatnonzero(fit)
    rows = rows[np.diff(np.sort(numbers[rows], axis=1), axis=1).all(axis=1)]
    if len(rows) < FEWEST:
        return ()
    chosen = rows[np.linspace(0, len(rows) - 1, min(SAMPLES, len(rows))).astype(np.intp)]
    return tuple(numbers[row].tobytes() for row in chosen)


def pieces(model: bytes) -> tuple[bytes, ...]:
    """Of a saved model: what is looked for elsewhere."""
    return samples(_weights(model))


def held_by(model: bytes, wanted: Sequence[bytes]) -> bool:
    """Whether a saved model has most of these weights."""
    own = _weights(model) if wanted else b""
    return bool(wanted) and sum(piece in own for piece in wanted) >= MOST * len(wanted)


def held_by_all(wanted: Sequence[bytes], models: Iterable[bytes]) -> bool:
    """Whether several saved models together have most of these weights."""
    left = set(wanted)
    for model in models:
        if not left:
            break
        content = _weights(model)
        left = {piece for piece in left if piece not in content}
    return bool(wanted) and len(left) <= (1 - MOST) * len(wanted)


def akin(one: bytes, two: bytes) -> bool:
    """Whether one saved model's weights are the other's, changed a little: pruned, rounded, averaged, trained on.

    Of the same layout, two thirds of all weights have one sign in both; of strangers half have. Nothing is parsed.
    """
    first, second = _weights(one), _weights(two)
    if len(first) != len(second):
        return False
    a, b = (np.frombuffer(each[: len(each) // 4 * 4], "<f4") for each in (first, second))
    with np.errstate(invalid="ignore"):
        told = (np.abs(a) > 1e-6) & (np.abs(a) < 1e3) & (np.abs(b) > 1e-6) & (np.abs(b) < 1e3) & (a != 1) & (b != 1)
        same = float(np.mean((a > 0)[told] == (b > 0)[told])) if told.any() else 0.0
    return int(told.sum()) >= FEWEST * SAMPLES and same >= AKIN


def _weights(model: bytes) -> bytes:
    """Of a saved model that ``archive.py`` has looked at, or has yet to refuse."""
    return next((content for name, content in _members(model) if name == "model.weights.h5"), b"")


def _holds(content: bytes, pieces: Sequence[bytes]) -> bool:
    return bool(pieces) and any(sum(piece in form for piece in pieces) >= MOST * len(pieces) for form in forms(content))


def _made_of(pieces: Sequence[bytes], trained: Sequence[Candidate], store: Store) -> bool:
    """Whether several trained models together hold the weights: an ensemble."""
    known = (one.artifact for one in trained if one.training is not None and one.artifact is not None)
    return held_by_all(pieces, map(store.get, known))


def forms(content: bytes) -> Iterator[bytes]:
    """As it is, the members of a zip, and what stands in it in base64."""
    yield content
    yield _inflated(content)
    yield from (member for _, member in _members(content))
    decoded = _decoded(content)
    if decoded:
        yield decoded
        yield from (member for _, member in _members(decoded))
        yield _inflated(decoded)


def _members(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Of a zip, as far as the cap; nothing of what is none. Weights hardly shrink: what does is padding."""
    left = min(UNPACKED, SHRUNK * len(content) + 2**20)
    try:
        with zips.opened(content, ZIPPED) as archive:
            for info in archive.infolist():
                if info.compress_type not in zips.METHODS:
                    continue
                with archive.open(info) as member:
                    read = member.read(left)
                left -= len(read)
                yield info.filename, read
    except (zipfile.BadZipFile, zlib.error, ValueError, RuntimeError, NotImplementedError, EOFError, OSError):
        return


def _decoded(content: bytes) -> bytes:
    """All long stretches of base64 in a text, put together as a program would that joins its lines."""
    text = b"".join(_RUN.findall(content)).replace(b"=", b"")
    try:
        return base64.b64decode(text[: len(text) // 4 * 4])
    except binascii.Error:
        return b""


def _inflated(content: bytes) -> bytes:
    """Of a zlib or gzip stream, as far as the cap."""
    try:
        return zlib.decompressobj(wbits=47).decompress(content, UNPACKED)
    except zlib.error:
        return b""
