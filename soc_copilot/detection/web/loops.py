"""The compiled loops behind `fast`: one text at a time, from raw bytes to logits.

All of them stand in this one file, for Numba keeps the machine code of a file until that file
changes. Numbers from other modules come in as arguments for the same reason.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.host.compiled import compiled

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

# As in `normalise` and `model`; the test that holds both together would tell a difference.
PAD = 8
STRETCH = 16
BEYOND = 0x80
LETTER, DIGIT = 97, 48
MAX_PARAMETERS = 32  # chosen: a text with more is left to `normalise`
WORD = 0xFFFFFFFF  # hashes are of 32 bits, integers here of 64
ROLL = 0x01000193
# Rows of the tables that are handed over as one.
FOLD, HEX, BASE64, DIGITS_ALIKE, KINDS_ALIKE = 0, 1, 2, 3, 4
# Rows of what is known of runs: where each begins, its hash, its kind.
AT, WORDS, KINDS = 0, 1, 2
# Numbers of the views' letters.
E, D, S, W, K, F = 0, 1, 2, 3, 4, 5


@compiled
def score_texts(
    data: Bytes, marks: Bytes, starts: Ints, lengths: Ints, is_raw: bool, mark_double: int,
    views: Ints, n_of_bytes: int, exact_rows: int, tables: npt.NDArray[np.uint8],
    printable: Flags, places: Ints, rows: Floats, layers: tuple[Floats, ...], sure: float,
    other: int, logits: Floats, kinds: Bytes, is_left: Flags,
) -> None:  # fmt: skip
    """Fill in logits, class numbers, and which texts are left to `normalise`."""
    longest = 0
    for i in range(len(lengths)):
        longest = max(longest, lengths[i])
    text = np.zeros(longest + PAD, np.uint8)
    seen = np.zeros(longest + PAD, np.uint8)
    sums = np.empty((longest // STRETCH + 1, rows.shape[1]), np.float32)
    untraced = np.empty(0, np.int64)
    of_bytes, of_runs = views[:n_of_bytes], views[n_of_bytes:]
    runs = np.empty((3, longest + PAD), np.int64)
    for i in range(len(lengths)):
        n = lengths[i]
        for j in range(n):
            text[j] = data[starts[i] + j]
            seen[j] = marks[starts[i] + j] if len(marks) else 0
        if is_raw:
            n, _ = read(text, seen, untraced, n, mark_double, tables, printable)
            if n < 0:
                is_left[i] = True
                continue
        text[n : n + PAD] = 0
        seen[n : n + PAD] = 0
        n_stretches = max((n + STRETCH - 1) // STRETCH, 1)
        sums[:n_stretches] = 0.0
        add_bytes(text, seen, n, of_bytes, exact_rows, tables, rows, sums)
        if len(of_runs):
            n_runs = find_runs(text, n, tables[KINDS_ALIKE], places, runs)
            add_runs(n_runs, runs, of_runs, exact_rows, rows, sums)
        logits[i], kinds[i] = decide(sums[:n_stretches], layers, sure, other)


@compiled
def weigh_text(
    text: Bytes, marks: Bytes, origin: Ints, n: int, is_raw: bool, mark_double: int,
    views: Ints, n_of_bytes: int, exact_rows: int, tables: npt.NDArray[np.uint8],
    printable: Flags, places: Ints, rows: Floats, layers: tuple[Floats, ...],
    weights: npt.NDArray[np.float64],
) -> tuple[int, int]:  # fmt: skip
    """Fill in how much each byte of a text, normalised in place, speaks for an attack.

    The network is piecewise linear, so slope times vector is each n-gram's share of the
    logit; it is spread evenly over the n-gram's bytes.

    Returns:
        The length, or -1 when normalising takes more steps; and rounds of percent-decoding.
    """
    n_rounds = 0
    if is_raw:
        n, n_rounds = read(text, marks, origin, n, mark_double, tables, printable)
        if n < 0:
            return n, n_rounds
    text[n : n + PAD] = 0
    marks[n : n + PAD] = 0
    n_stretches = max((n + STRETCH - 1) // STRETCH, 1)
    sums = np.zeros((n_stretches, rows.shape[1]), np.float32)
    of_bytes, of_runs = views[:n_of_bytes], views[n_of_bytes:]
    runs = np.empty((3, n + PAD), np.int64)
    n_runs = find_runs(text, n, tables[KINDS_ALIKE], places, runs) if len(of_runs) else 0
    add_bytes(text, marks, n, of_bytes, exact_rows, tables, rows, sums)
    add_runs(n_runs, runs, of_runs, exact_rows, rows, sums)
    slopes = slopes_of(sums, layers)
    share_bytes(text, marks, n, of_bytes, exact_rows, tables, rows, slopes, weights)
    share_runs(max(n, 1), n_runs, runs, of_runs, exact_rows, rows, slopes, weights)
    total = 0.0
    for j in range(len(weights)):  # so far what changes from each byte to the next
        total += weights[j]
        weights[j] = total
    return n, n_rounds


@compiled
def read(
    text: Bytes, marks: Bytes, origin: Ints, n: int, mark_double: int,
    tables: npt.NDArray[np.uint8], printable: Flags,
) -> tuple[int, int]:  # fmt: skip
    """Normalise a raw text in place; `origin` tells of each byte where it stood, or is empty.

    Returns:
        The new length, or -1 when it takes more steps; and rounds of percent-decoding.
    """
    for j in range(n):
        if text[j] == 43:  # "+"
            text[j] = 32
    n_rounds = 0
    for turn in range(4):
        before = n
        n = unpercent(text, marks, origin, n, turn > 0, mark_double, tables[HEX])
        if n == before:
            break
        if turn == 3:
            return -1, 0
        n_rounds += 1
    if has_escape(text, n) or has_base64(text, n, tables[BASE64], printable):
        return -1, 0
    if has_pieces(text, n, tables) or has_repeats(text, n):
        return -1, 0
    fold = tables[FOLD]
    is_traced = len(origin) > 0
    kept = 0
    for j in range(n):
        byte = fold[text[j]]
        if byte == 32 and kept and text[kept - 1] == 32:
            continue
        text[kept] = byte
        marks[kept] = marks[j]
        if is_traced:
            origin[kept] = origin[j]
        kept += 1
    return kept, n_rounds


@compiled
def unpercent(
    text: Bytes, marks: Bytes, origin: Ints, n: int, is_again: bool, mark_double: int, hexes: Bytes
) -> int:
    """One round of percent-decoding in place; the new length."""
    is_traced = len(origin) > 0
    kept = 0
    j = 0
    while j < n:
        byte, mark, step = text[j], marks[j], 1
        if byte == 37 and j + 2 < n:
            high, low = hexes[text[j + 1]], hexes[text[j + 2]]
            if high < 16 and low < 16:
                byte, step = np.uint8(high * 16 + low), 3
                if is_again and byte < BEYOND:
                    mark = np.uint8(mark_double)
            elif text[j + 1] | 32 == 117 and j + 5 < n:  # "u"
                code = 0
                for k in range(2, 6):
                    digit = hexes[text[j + k]]
                    code = code * 16 + digit if digit < 16 and code >= 0 else -1
                if code >= 0:
                    if 0xFF01 <= code <= 0xFF5E:
                        code -= 0xFEE0
                    byte, step = np.uint8(code if code < BEYOND else BEYOND), 6
                    mark = np.uint8(mark_double)
        text[kept] = byte
        marks[kept] = mark
        if is_traced:
            origin[kept] = origin[j]
        kept += 1
        j += step
    return kept


@compiled
def has_escape(text: Bytes, n: int) -> bool:
    """Whether there may be HTML, JavaScript, SQL, UTF-7 or overlong escapes in it."""
    n_utf7 = 0
    for j in range(n):
        byte = text[j]
        after = text[j + 1] if j + 1 < n else 0
        if byte == 92 or byte == 0xC0 or byte == 0xC1 or byte == 0xE2 or byte == 0xEF:
            return True
        if byte == 38:  # "&"
            if after == 35:
                return True
            for k in range(j + 3, min(j + 9, n)):
                if text[k] == 59:
                    return True
        elif byte == 47 and after == 42:  # "/*"
            end = j + 2
            while end < n and text[end] != 42:
                end += 1
            if end + 1 < n and text[end + 1] == 47:
                return True
        elif byte == 65 and j > 0 and 65 <= after <= 72:
            n_utf7 += text[j - 1] == 32 or text[j - 1] == 43
    return n_utf7 > 1


@compiled
def has_repeats(text: Bytes, n: int) -> bool:
    """Whether two parameters may have the same name."""
    at = np.empty(MAX_PARAMETERS, np.int64)
    sizes = np.empty(MAX_PARAMETERS, np.int64)
    n_found = 0
    for j in range(n):
        if text[j] != 38 and text[j] != 63 and text[j] != 10:  # "&", "?", line end
            continue
        end = j
        while end < n and text[end] != 61:
            end += 1
        for other in range(n_found):
            if sizes[other] == end - j and same(text, at[other] + 1, j + 1, min(end - j - 1, 7)):
                return True
        if n_found == MAX_PARAMETERS:
            return True
        at[n_found], sizes[n_found] = j, end - j
        n_found += 1
    return False


@compiled
def same(text: Bytes, first: int, second: int, size: int) -> bool:
    """Whether so many bytes at two places are the same."""
    k = 0
    while k < size and text[first + k] == text[second + k]:
        k += 1
    return k == size


@compiled
def has_pieces(text: Bytes, n: int, tables: npt.NDArray[np.uint8]) -> bool:
    """Whether strings may be put together from pieces in it."""
    hexes, alike = tables[HEX], tables[KINDS_ALIKE]
    fold = tables[FOLD]
    for j in range(n):
        byte = text[j]
        before = text[j - 1] if j else 0
        after = text[j + 1] if j + 1 < n else 0
        beyond = text[j + 2] if j + 2 < n else 0
        is_within = is_word(alike[fold[before]]) and is_word(alike[fold[after]])
        if byte == 39 or byte == 34 or byte == 96:
            if is_within or is_joiner(after) or (after == 32 and is_joiner(beyond)):
                return True
        elif byte == 94:  # "^"
            if is_within:
                return True
        elif byte == 36:  # "$"
            if after == 123 or after | 32 == 105 or after == 64 or after == 42:
                return True
        elif byte == 40:  # "("
            if j >= 3 and is_call(text[j - 3] | 32, text[j - 2] | 32, before | 32):
                return True
        elif byte | 32 == 120 and before == 48 and hexes[after] < 16 and hexes[beyond] < 16:
            return True
    return False


@compiled
def is_word(kind: int) -> bool:
    """Whether a kind of byte is a letter or a slash."""
    return kind == LETTER or kind == 47


@compiled
def is_alnum(kind: Any) -> bool:
    """Whether bytes of a kind make one run."""
    return kind in (LETTER, DIGIT)


@compiled
def is_call(first: int, second: int, third: int) -> bool:
    """Whether three bytes end char, chr, fromCharCode, concat or concat_ws; as `rejoin`."""
    name = (np.int64(first) << 16) | (np.int64(second) << 8) | np.int64(third)
    return bool(name in (0x686172, 0x636872, 0x6F6465, 0x636174, 0x7F7773))


@compiled
def is_joiner(byte: int) -> bool:
    """Whether a byte may stand between two strings that are put together."""
    return byte == 124 or byte == 43 or byte == 46 or byte == 39 or byte == 34 or byte == 96


@compiled
def has_base64(text: Bytes, n: int, values: Bytes, printable: Flags) -> bool:
    """Whether a run of base64 letters, or what follows a slash in it, begins with plain text."""
    start = 0
    while start < n:
        if values[text[start]] >= 64:
            start += 1
            continue
        end = start
        while end < n and values[text[end]] < 64:
            end += 1
        for j in range(start, end - 11):
            if (j == start or text[j - 1] == 47) and speaks(text, j, values, printable):
                return True
        start = end
    return False


@compiled
def speaks(text: Bytes, at: int, values: Bytes, printable: Flags) -> bool:
    """Whether twelve base64 letters stand for nine printable ones."""
    for j in range(at, at + 12, 4):
        a, b = int(values[text[j]]), int(values[text[j + 1]])
        c, d = int(values[text[j + 2]]), int(values[text[j + 3]])
        code = (a << 18) | (b << 12) | (c << 6) | d
        if not (printable[code >> 16] and printable[(code >> 8) & 255] and printable[code & 255]):
            return False
    return True


@compiled
def row_of(mixed: Any, view: Ints, exact_rows: int) -> Any:
    """The table's row for an n-gram's hash."""
    mixed = (mixed * 0x9E3779B1 + view[2]) & WORD
    mixed ^= mixed >> 15
    return (((mixed * 0x2C1B3C6D) & WORD) >> view[3]) + exact_rows


@compiled
def add_bytes(
    text: Bytes, marks: Bytes, n: int, views: Ints, exact_rows: int,
    tables: npt.NDArray[np.uint8], rows: Floats, sums: Floats,
) -> None:  # fmt: skip
    """Add up the vectors of the n-grams that begin at each byte."""
    for v in range(len(views)):
        alike = tables[KINDS_ALIKE if views[v, 0] == S else DIGITS_ALIKE]
        for j in range(max(n, 1)):
            row = row_at_byte(text, marks, j, views[v], exact_rows, alike)
            add(sums[j // STRETCH], rows[row])


@compiled
def row_at_byte(
    text: Bytes, marks: Bytes, j: int, view: Ints, exact_rows: int, alike: Bytes
) -> Any:
    """The table's row for the n-gram that begins at a byte."""
    letter, size = view[0], view[1]
    if letter == E and size == 1:
        return text[j] + 256 * np.int64(marks[j])
    mixed: Any = 0
    for k in range(j, j + size):
        byte = np.int64(text[k] if letter == E else alike[text[k]])
        mixed = (mixed * ROLL + byte) & WORD
    return row_of(mixed, view, exact_rows)


@compiled
def share_bytes(
    text: Bytes, marks: Bytes, n: int, views: Ints, exact_rows: int,
    tables: npt.NDArray[np.uint8], rows: Floats, slopes: npt.NDArray[np.float64],
    weights: npt.NDArray[np.float64],
) -> None:  # fmt: skip
    """Note where the share of each n-gram that begins at a byte comes in, and where it ends."""
    n_bytes = max(n, 1)
    for v in range(len(views)):
        alike = tables[KINDS_ALIKE if views[v, 0] == S else DIGITS_ALIKE]
        for j in range(n_bytes):
            row = row_at_byte(text, marks, j, views[v], exact_rows, alike)
            end = min(j + views[v, 1], n_bytes)
            share(rows[row], slopes[j // STRETCH], j, end, weights)


@compiled
def add_runs(
    n_runs: int, runs: Ints, views: Ints, exact_rows: int, rows: Floats, sums: Floats
) -> None:
    """Add up the vectors of the n-grams that begin at each run."""
    for v in range(len(views)):
        for r in range(n_runs):
            row = row_at_run(r, runs[WORDS], runs[KINDS], views[v], exact_rows)
            add(sums[runs[AT, r] // STRETCH], rows[row])


@compiled
def row_at_run(r: int, words: Ints, kinds: Ints, view: Ints, exact_rows: int) -> Any:
    """The table's row for the n-gram that begins at a run."""
    letter, size = view[0], view[1]
    mixed: Any = 0
    first = r + 1 if letter == F else r
    for k in range(first, first + size):
        mixed = (mixed * ROLL + (words[k] if letter == W else kinds[k])) & WORD
    if letter == F:
        mixed = (mixed + words[r] * 0x85EBCA6B) & WORD
    return row_of(mixed, view, exact_rows)


@compiled
def share_runs(
    n_bytes: int, n_runs: int, runs: Ints, views: Ints, exact_rows: int, rows: Floats,
    slopes: npt.NDArray[np.float64], weights: npt.NDArray[np.float64],
) -> None:  # fmt: skip
    """Note where the share of each n-gram that begins at a run comes in, and where it ends."""
    for v in range(len(views)):
        size = views[v, 1] + (views[v, 0] == F)
        for r in range(n_runs):
            row = row_at_run(r, runs[WORDS], runs[KINDS], views[v], exact_rows)
            begin = runs[AT, r]
            end = runs[AT, r + size] if r + size < n_runs else n_bytes
            share(rows[row], slopes[begin // STRETCH], begin, end, weights)


@compiled
def share(
    row: Floats, slope: npt.NDArray[np.float64], begin: int, end: int,
    weights: npt.NDArray[np.float64],
) -> None:  # fmt: skip
    """Note one n-gram's share of the logit, spread over its bytes."""
    # Four sums at once: each addition need not wait for the one before.
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    for k in range(0, len(slope) - 3, 4):
        a += slope[k] * row[k]
        b += slope[k + 1] * row[k + 1]
        c += slope[k + 2] * row[k + 2]
        d += slope[k + 3] * row[k + 3]
    for k in range(len(slope) - len(slope) % 4, len(slope)):
        a += slope[k] * row[k]
    total = (a + b + c + d) / (end - begin)
    weights[begin] += total
    if end < len(weights):
        weights[end] -= total


@compiled
def slopes_of(sums: Floats, layers: tuple[Floats, ...]) -> npt.NDArray[np.float64]:
    """How the logit changes with the summed vectors of each stretch."""
    stretch, stretch_bias, mix, mix_bias, attack = layers[:5]
    n_hidden, width = stretch.shape[1], sums.shape[1]
    pooled = np.zeros(n_hidden, np.float32)
    at = np.full(n_hidden, -1, np.int64)  # the stretch that each unit looks at
    hidden = np.empty(n_hidden, np.float32)
    for s in range(len(sums)):
        look(sums, s, stretch, stretch_bias, hidden)
        for h in range(n_hidden):
            if hidden[h] > pooled[h]:
                pooled[h], at[h] = hidden[h], s
    mixed = times(pooled, mix, mix_bias)
    slopes = np.zeros((len(sums), width))
    for h in range(n_hidden):
        if at[h] < 0:
            continue
        by_unit = 0.0
        for k in range(len(mixed)):
            if mixed[k] > 0:
                by_unit += attack[k] * mix[h, k]
        for neighbour in range(max(at[h] - 1, 0), min(at[h] + 2, len(sums))):
            first = (neighbour - at[h] + 1) * width
            for k in range(width):
                slopes[neighbour, k] += by_unit * stretch[first + k, h]
    return slopes


@compiled
def find_runs(text: Bytes, n: int, alike: Bytes, places: Ints, runs: Ints) -> int:
    """Fill in where runs begin, their hashes and kinds; how many there are, less the padding's."""
    at, words, kinds = runs[AT], runs[WORDS], runs[KINDS]
    n_all = 0
    n_runs = 0
    before: Any = 0
    for j in range(n + PAD):
        kind = np.int64(alike[text[j]])
        if j and kind == before and is_alnum(kind):
            if kind == LETTER:
                within = min(j - at[n_all - 1], len(places) - 1)
                words[n_all - 1] = (words[n_all - 1] + places[within] * text[j]) & WORD
            continue
        at[n_all] = j
        kinds[n_all] = kind
        words[n_all] = (places[0] * text[j]) & WORD if kind == LETTER else kind
        n_all += 1
        n_runs += j < max(n, 1)
        before = kind
    return n_runs


@compiled
def decide(sums: Floats, layers: tuple[Floats, ...], sure: float, other: int) -> tuple[Any, Any]:
    """The logit and the class of a text, from the vectors of its stretches."""
    stretch, stretch_bias, mix, mix_bias, attack, attack_bias, kind, kind_bias = layers
    pooled = np.zeros(stretch.shape[1], np.float32)  # the rectified highest values
    hidden = np.empty(stretch.shape[1], np.float32)
    for s in range(len(sums)):
        look(sums, s, stretch, stretch_bias, hidden)
        for h in range(len(hidden)):
            pooled[h] = max(pooled[h], hidden[h])
    mixed = times(pooled, mix, mix_bias)
    logit = attack_bias[0]
    for k in range(len(mixed)):
        logit += max(mixed[k], np.float32(0.0)) * attack[k]
    odds = times(pooled, kind, kind_bias)
    best = np.argmax(odds)
    total = np.exp(odds - odds[best]).sum()
    return logit, best if 1.0 / total >= sure else other


@compiled
def look(sums: Floats, s: int, stretch: Floats, bias: Floats, hidden: Floats) -> None:
    """Fill in what the hidden units say of a stretch and its neighbours."""
    width = sums.shape[1]
    hidden[:] = bias
    for neighbour in range(max(s - 1, 0), min(s + 2, len(sums))):
        first = (neighbour - s + 1) * width
        for k in range(0, width - 3, 4):
            values, at = sums[neighbour, k : k + 4], first + k
            add_four(hidden, values, stretch[at : at + 4])
        for k in range(width - width % 4, width):
            for h in range(len(hidden)):
                hidden[h] += sums[neighbour, k] * stretch[first + k, h]


@compiled
def add(total: Floats, row: Floats) -> None:
    """Add a row to a sum."""
    for k in range(len(total)):
        total[k] += row[k]


@compiled
def add_four(total: Floats, values: Floats, weights: Floats) -> None:
    """Add four weighted rows to a sum at once: it is read and written a quarter as often."""
    a, b, c, d = values[0], values[1], values[2], values[3]
    for h in range(len(total)):
        total[h] += a * weights[0, h] + b * weights[1, h] + c * weights[2, h] + d * weights[3, h]


@compiled
def times(values: Floats, weights: Floats, bias: Floats) -> Floats:
    """A linear layer, its weights transposed."""
    found = bias.copy()
    for k in range(len(values)):
        for h in range(len(found)):
            found[h] += values[k] * weights[k, h]
    return found


@compiled
def strongest_ranges(
    weights: npt.NDArray[np.float64], gap: float, least: float, spans: npt.NDArray[np.int64]
) -> int:
    """Fill in the [start, end) with the largest sums, strongest first, apart from each other.

    Args:
        weights: Of the bytes, at least one.
        gap: Share of the largest weight that every byte has to pay, so that a stretch of weak
            ones ends a range.
        least: Share of the first range's sum from which on others count.
        spans: Shape (ranges, 2).

    Returns:
        How many there are.
    """
    toll = gap * max(weights.max(), 0.0)
    best = 0.0
    for k in range(len(spans)):
        total, start, end = 0.0, 0, 0
        run, first = 0.0, 0
        for j in range(len(weights)):
            is_taken = False
            for other in range(k):
                is_taken = is_taken or spans[other, 0] <= j < spans[other, 1]
            if run < 0.0 or is_taken:
                run, first = 0.0, j + is_taken
            if is_taken:
                continue
            run += weights[j] - toll
            if run > total:
                total, start, end = run, first, j + 1
        if total <= 0.0 or total < least * best:
            return k
        best = max(best, total)
        spans[k, 0], spans[k, 1] = start, end
    return len(spans)
