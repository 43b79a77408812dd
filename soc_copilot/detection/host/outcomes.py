"""What an operation means for a file that was there: lost, replaced, wiped, or only changed."""

from typing import Final, NamedTuple

import numpy as np

from soc_copilot.detection.host import tables as t
from soc_copilot.detection.host.compiled import compiled
from soc_copilot.detection.host.formats import Format
from soc_copilot.detection.host.tables import Files, Streams, Twins

# chosen: spans in seconds
_TWIN_S: Final = 900.0  # between an unreadable file and the end of the one it has its name from
_GHOST_S: Final = 60.0  # between the end of a file and an unreadable one of its name
PASS_S: Final = 60.0  # writing and deleting within it is wiping

_MIN_TOLD: Final = 0.2  # unreadable share from which a content counts as changed to noise
_ZEROED_BITS: Final = 0.2  # bits per byte: one value throughout, but for a few bytes
_ZEROED_BYTES: Final = 256
_PATTERN_BITS: Final = 2.2  # bits per byte: a few values over and over; texts have 3 and more
_PATTERN_BYTES: Final = 1_024
_BROKEN_BITS: Final = 6.6  # bits per byte: what is compressed has more, measured
_BROKEN: Final = 0.8  # weight of a compressed file that can no longer be one
_NOTE_BYTES: Final = (64.0, 65_536.0)
# Set names of files that went, and folders with new noise and with losses, apart from copies.
_GHOST: Final = np.uint64(0x6705)
_CAME: Final = np.uint64(0xCA3E)
_LEFT: Final = np.uint64(0x1EF7)
_NEAR_S: Final = 15.0  # chosen: between noise that came in a folder and a file that went there
_NONE: Final = int(Format.NONE)
_UNKNOWN: Final = int(Format.UNKNOWN)
_TEXT: Final = int(Format.TEXT)
_PASSING: Final = int(Format.PASSING)

# By `Format`, chosen: how much the loss of a file weighs that becomes noise; how much a copy says
# by its own extension, known packers and tools of the owner less; how much a new file says that is
# noise under a name that promises something else; how much a file says that went while noise came
# under another name.
_LOSS: Final = np.array([0.7, 0.7, 1.0, 0.7, 0.8, 0.5, 0.3, 0.1, 0.2, 0.6, 0.3])
_COPY: Final = np.array([1.0, 1.0, 0.9, 0.6, 0.5, 0.6, 0.12, 0.5, 0.5, 0.5, 0.04])
_LIE: Final = np.array([0.0, 0.0, 0.6, 0.4, 0.15, 0.0, 0.0, 0.0, 0.0, 0.2, 0.0])
_WENT: Final = np.array([0.35, 0.35, 0.8, 0.8, 0.7, 0.3, 0.2, 0.05, 0.0, 0.7, 0.2])
# Formats that are close to noise by themselves, or may be (stores of objects): only what is
# surely noise counts for them.
_IS_NEAR: Final = np.array([1, 1, 0, 1, 1, 1, 1, 1, 0, 1, 1])
_IS_COMPRESSED: Final = np.array([0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 1])
# Formats that never hold a few values over and over.
_IS_VARIED: Final = np.array([0, 0, 1, 1, 1, 0, 1, 1, 0, 1, 1])
_SURE_LIE: Final = 0.8  # unreadable share from which such a file counts
_SURE_LETTERS: Final = 0.6  # or how much it must look like chance in letters
_SURELY: Final = 0.3  # and how surely it must be noise where its format comes near to that
_ZEROED: Final = 0.6  # weight of a file that holds one value throughout
_SCRAPPED: Final = 0.5  # weight of a file emptied or written, nobody saw with what, and deleted
_DISCARDED: Final = 0.1  # weight of a file written with what can be read, and deleted
EMPTYING: Final = 0.3  # weight of a file emptied; taken back when it is written anew
_STAYED_EMPTY: Final = 0.6  # weight of one that was not; chosen
_EMPTY_S: Final = 2.0  # seconds after which it counts so; programs that write anew do it at once
TAMPERED_FROM: Final = 0.5  # weight of a place (`formats`) from which it is sensitive


class Name(NamedTuple):
    """Hashes of one path, as in `activity.Names`."""

    full: np.uint64
    folder: np.uint64
    name: np.uint64
    base: np.uint64
    stem: np.uint64
    extension: np.uint64
    format: int
    sensitive: float


@compiled
def _went_before(
    twins: Twins, stream: np.uint64, base: np.uint64, stem: np.uint64, now: float
) -> int:
    """Place of a file that went shortly before and has this name; -1 when there is none."""
    for key in (base, stem):
        i = t.look(twins.key, t.mix(stream ^ _GHOST, key))
        if i >= 0 and now - twins.at[i] <= _GHOST_S and twins.share[i] > 0.0:
            return i
    return -1


@compiled
def _less(streams: Streams, s: int, kind: int, weight: float) -> None:
    streams.counts[s, kind] = max(streams.counts[s, kind] - weight, 0.0)


@compiled
def _give(twins: Twins, key: np.uint64, now: float, weight: float) -> None:
    """Something came to, or went from, a folder that may be matched by its opposite."""
    i = t.look(twins.key, key)
    held = twins.share[i] if i >= 0 and now - twins.at[i] <= _NEAR_S else 0.0
    t.put_twin(twins, key, now, held + weight, np.uint64(0), 0)


@compiled
def _take(twins: Twins, key: np.uint64, now: float) -> float:
    """One of what `_give` told of a folder a short time ago; its weight, at most 1."""
    i = t.look(twins.key, key)
    if i < 0 or now - twins.at[i] > _NEAR_S or twins.share[i] <= 0.0:
        return 0.0
    weight = min(float(twins.share[i]), 1.0)
    twins.share[i] -= weight
    return weight


@compiled
def _told(form: int, share: float, sure: float, lettered: float, odd: float) -> float:
    """How much a content speaks against what its format promises."""
    if _IS_NEAR[form]:
        return max(sure, lettered)
    return max(share, odd) if form == _TEXT else share


@compiled
def _judge_noise(
    files: Files, twins: Twins, streams: Streams, name: Name, f: int, s: int,
    stream: np.uint64, share: float, told: float, lettered: float, now: float,
) -> None:  # fmt: skip
    """A new file is unreadable: is it the copy of one that went, or may it become one?"""
    form = name.format
    ghost = _went_before(twins, stream, name.base, name.stem, now)
    if ghost >= 0:
        weight = told * _COPY[form] * twins.share[ghost]
        files.flags[f] |= t.HARMED
        twins.share[ghost] = 0.0
        _less(streams, s, t.DELETED, 1.0)
        t.add_harm(streams, s, t.REPLACED, weight, name.folder, twins.extension[ghost], now)
        if form <= _UNKNOWN:
            t.add_funnel(streams, s, name.extension, twins.extension[ghost], now)
        return
    is_lie = lettered >= _SURE_LETTERS or told >= (_SURELY if _IS_NEAR[form] else _SURE_LIE)
    lie = _LIE[form] * told if is_lie else 0.0
    if lie > 0.0:
        files.flags[f] |= t.HARMED
        t.add_harm(streams, s, t.OVERWRITTEN, lie, name.folder, name.extension, now)
        return
    for key in (name.base, name.stem):
        t.put_twin(twins, t.mix(stream, key), now, told, name.extension, form)
    if files.flags[f] & t.NOISE:
        return
    files.flags[f] |= t.NOISE
    if form > _UNKNOWN:
        streams.counts[s, t.KEPT] += share
        return
    weight = _take(twins, t.mix(stream ^ _LEFT, name.folder), now) * share
    if weight > 0.0:  # it came where a file of another name went
        files.flags[f] |= t.HARMED
        _less(streams, s, t.DELETED, 1.0)
        t.add_harm(streams, s, t.REPLACED, weight, name.folder, name.extension, now)
        return
    streams.counts[s, t.KEPT] += share
    _give(twins, t.mix(stream ^ _CAME, name.folder), now, share)


@compiled
def _is_zeroed(entropy: float, size: float, before: float, form: int) -> bool:
    """Whether a content is one value throughout, or a few over and over."""
    if before < 1.0:  # it was so before
        return False
    few = _IS_VARIED[form] and entropy < _PATTERN_BITS and size >= _PATTERN_BYTES
    return few or (entropy < _ZEROED_BITS and size >= _ZEROED_BYTES)


@compiled
def emptied(files: Files, streams: Streams, name: Name, f: int, s: int, now: float) -> None:
    """A file that was there holds nothing now; it counts in full if that stays so."""
    files.flags[f] |= t.EMPTIED
    streams.counts[s, t.WIPED] += EMPTYING
    if name.sensitive >= TAMPERED_FROM:
        streams.counts[s, t.TAMPERED] += EMPTYING
    oldest = 0
    for i in range(t.EMPTIES):
        if streams.empties_at[s, i] < streams.empties_at[s, oldest]:
            oldest = i
    _settle(files, streams, s, oldest, now)
    streams.empties[s, oldest] = files.key[f]
    streams.empties_at[s, oldest] = now
    streams.empty_folders[s, oldest] = name.folder
    streams.empty_due[s] = min(streams.empty_due[s], now + _EMPTY_S)


@compiled
def settle(files: Files, streams: Streams, s: int, now: float) -> None:
    """Count the files that were emptied a while ago and not written since."""
    due = np.inf
    for i in range(t.EMPTIES):
        if streams.empties_at[s, i] == -np.inf:
            continue
        if now >= streams.empties_at[s, i] + _EMPTY_S:
            _settle(files, streams, s, i, now)
        else:
            due = min(due, streams.empties_at[s, i] + _EMPTY_S)
    streams.empty_due[s] = due


@compiled
def _settle(files: Files, streams: Streams, s: int, i: int, now: float) -> None:
    if streams.empties_at[s, i] == -np.inf:
        return
    streams.empties_at[s, i] = -np.inf
    f = t.look(files.key, streams.empties[s, i])
    if f < 0 or not files.flags[f] & t.EMPTIED or files.flags[f] & (t.HARMED | t.GONE):
        return
    files.flags[f] = (files.flags[f] | t.HARMED | t.STAYED_EMPTY) & ~t.EMPTIED
    _less(streams, s, t.WIPED, EMPTYING)
    folder = streams.empty_folders[s, i]
    t.add_harm(streams, s, t.WIPED, _STAYED_EMPTY, folder, files.extension[f], now)


@compiled
def _fill_again(files: Files, streams: Streams, f: int, s: int) -> None:
    """A file that counted as emptied is written anew: a log, or a slow program."""
    files.flags[f] &= ~(t.HARMED | t.STAYED_EMPTY)
    for kind in (t.WIPED, t.HARM, t.HARM_FAST, t.HARM_SLOW):
        _less(streams, s, kind, _STAYED_EMPTY)


@compiled
def judge(
    files: Files, twins: Twins, streams: Streams, name: Name, f: int, s: int,
    stream: np.uint64, share: float, sure: float, lettered: float, odd: float, entropy: float,
    size: float, before: float, before_share: float, now: float,
) -> None:  # fmt: skip
    """What a content that was just seen means for its file."""
    flags = files.flags[f]
    form = files.format[f]
    folder = name.folder
    if flags & t.WAS_THERE:
        if flags & t.STAYED_EMPTY and size > 0.0:
            _fill_again(files, streams, f, s)
            flags = files.flags[f]
        if flags & t.HARMED:
            return
        is_zeroed = _is_zeroed(entropy, size, before, form)
        noise = _told(form, share, sure, lettered, odd)
        is_broken = _IS_NEAR[form] and lettered > 0.0
        if _IS_COMPRESSED[form] and entropy < _BROKEN_BITS and size >= _PATTERN_BYTES:
            is_broken, noise = True, 1.0
        if noise > _MIN_TOLD or is_zeroed:
            loss = max(_LOSS[form], _BROKEN) if is_broken else _LOSS[form]
            weight = loss * noise * (1.0 - 0.7 * before_share) if not is_zeroed else _ZEROED
            kind = t.OVERWRITTEN if not is_zeroed else t.WIPED
            if flags & t.EMPTIED:  # what was said of its emptying is said again by its new content
                _less(streams, s, t.WIPED, EMPTYING)
            files.flags[f] = (flags | t.HARMED) & ~t.EMPTIED
            t.add_harm(streams, s, kind, weight, folder, files.extension[f], now)
            if flags & t.IS_RENAMED:
                t.add_funnel(streams, s, name.extension, files.extension[f], now)
            return
        if not flags & t.IS_REWRITTEN and size > 0.0:
            files.flags[f] = (flags | t.IS_REWRITTEN) & ~t.EMPTIED
            streams.counts[s, t.REWRITTEN] += 1.0
            t.add_rewritten(streams, s, files.extension[f], now)
            if flags & t.EMPTIED:
                _less(streams, s, t.WIPED, EMPTYING)
        return
    if flags & t.HARMED:
        return
    told = _told(name.format, share, sure, lettered, odd)
    if max(share, told) > _MIN_TOLD:
        _judge_noise(
            files, twins, streams, name, f, s, stream, max(share, told), told, lettered, now
        )
        return
    if not flags & t.IS_GOOD and size > 0.0:
        files.flags[f] = flags | t.IS_GOOD
        streams.counts[s, t.GOOD] += 1.0
        if _NOTE_BYTES[0] <= size <= _NOTE_BYTES[1]:
            t.add_note(streams, s, name.name, size, folder, now)


@compiled
def came_back(streams: Streams, name: Name, s: int) -> None:
    """A file that went is there again: it was only replaced."""
    _less(streams, s, t.DELETED, 1.0)
    if name.sensitive >= TAMPERED_FROM:
        _less(streams, s, t.TAMPERED, 1.0)


@compiled
def deleted(
    files: Files, twins: Twins, streams: Streams, name: Name, f: int, s: int,
    stream: np.uint64, now: float,
) -> None:  # fmt: skip
    """A file went."""
    flags = files.flags[f]
    files.flags[f] = flags | t.GONE
    if flags & t.WAS_THERE and name.sensitive >= TAMPERED_FROM:
        streams.counts[s, t.TAMPERED] += 1.0
    if not flags & t.WAS_THERE or flags & t.HARMED:
        return
    form = files.format[f]
    for key in (name.full, name.stem):
        i = t.look(twins.key, t.mix(stream, key))
        if i < 0 or now - twins.at[i] > _TWIN_S or twins.share[i] <= 0.0:
            continue
        if twins.extension[i] == name.extension:
            continue  # the file's own name: it is no copy
        copy = twins.format[i]
        weight = float(twins.share[i] * _COPY[copy] * max(_LOSS[form], 0.5))
        files.flags[f] |= t.HARMED
        _less(streams, s, t.KEPT, twins.share[i])
        if copy <= _UNKNOWN:
            _take(twins, t.mix(stream ^ _CAME, name.folder), now)
            t.add_funnel(streams, s, twins.extension[i], files.extension[f], now)
        t.add_harm(streams, s, t.REPLACED, weight, name.folder, files.extension[f], now)
        return
    if flags & (t.WRITTEN | t.EMPTIED) and now - files.written[f] <= PASS_S:
        files.flags[f] |= t.HARMED
        weight = _DISCARDED if flags & t.IS_REWRITTEN else _SCRAPPED
        t.add_harm(streams, s, t.WIPED, weight, name.folder, files.extension[f], now)
        return
    came = _take(twins, t.mix(stream ^ _CAME, name.folder), now)
    if came > 0.0:  # it went where noise came under another name
        files.flags[f] |= t.HARMED
        _less(streams, s, t.KEPT, came)
        weight = float(came * _WENT[form])
        t.add_harm(streams, s, t.REPLACED, weight, name.folder, files.extension[f], now)
        return
    streams.counts[s, t.DELETED] += 1.0
    _give(twins, t.mix(stream ^ _LEFT, name.folder), now, _WENT[form])
    loss = max(_LOSS[form], 0.5)
    t.put_twin(twins, t.mix(stream ^ _GHOST, name.full), now, loss,
              files.extension[f], form)  # fmt: skip
    t.put_twin(twins, t.mix(stream ^ _GHOST, name.stem), now, loss,
              files.extension[f], form)  # fmt: skip


@compiled
def renamed(
    files: Files, streams: Streams, name: Name, target: Name, f: int, s: int,
    stream: np.uint64, replaced_size: float, now: float, is_told: bool,
) -> tuple[int, bool]:  # fmt: skip
    """A file moved; returns its new place, and whether it took an extension new to the stream."""
    key = t.mix(stream, target.full)
    over = t.look(files.key, key)
    flags, ext, form = files.flags[f], files.extension[f], files.format[f]
    size, entropy, written = files.size[f], files.entropy[f], files.written[f]
    files.flags[f] = t.GONE
    new_ext, new_form = target.extension, target.format
    is_over = replaced_size >= 0.0
    if over >= 0 and not files.flags[over] & t.GONE and files.flags[over] & t.WAS_THERE:
        is_over = True
    if not flags & t.WAS_THERE and is_over:  # written to the side, put in another's place
        if flags & t.NOISE:
            _less(streams, s, t.KEPT, 1.0)
        flags = (flags | t.WAS_THERE) & ~(t.NOISE | t.IS_GOOD)
        ext, form = new_ext, new_form
    elif not flags & t.WAS_THERE:
        ext, form = new_ext, new_form
    if over < 0:
        over = t.new_file(files, key, now, flags, ext, form)
    files.flags[over] = flags & ~t.GONE
    files.seen[over] = now
    files.size[over], files.entropy[over], files.written[over] = size, entropy, written
    files.extension[over], files.format[over] = ext, form
    if not flags & t.WAS_THERE or is_told:
        return over, False
    if new_form == _NONE:  # a name that says nothing any more
        return over, form > _UNKNOWN
    if target.base == name.full and new_form != _PASSING and form > _UNKNOWN:
        return over, True  # an extension behind the one that says what it is
    is_new = new_ext != ext and (new_form == _UNKNOWN) and not t.is_known(streams, s, new_ext)
    return over, is_new
