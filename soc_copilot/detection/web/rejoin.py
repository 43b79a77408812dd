"""Payloads cut into pieces that the program attacked would put together again.

Three ways of cutting: string concatenation and its like in SQL, JavaScript, PHP and shells
(`'al'+'ert'`, `concat('a','b')`, `char(97,98)`, `wh''oami`), comments within a keyword
(`un/**/ion`), and one parameter sent several times, whose values some programs join with a
comma. Finding the few texts that may hold one is done for a whole buffer at once; these are
then read one by one, by patterns whose every part is bounded. Quotes and carets within a word
are left where no known command or file comes out: random texts are full of them.
"""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Edit = tuple[int, int, bytes]  # raw bytes [start, end) and what stands for them

_MAX_EDITS: Final = 256  # chosen: of one text, bounds the work on hostile input
_MAX_VALUES: Final = 256  # parameters looked at, chosen likewise
_MAX_VALUE: Final = 4_096  # bytes of a parameter's value, chosen likewise

# What stands between two strings of JSON is no string, so none begins like that.
_ATOM: Final = (
    rb"(?:'(?![:,}\]])[^']{0,64}'|\"(?![:,}\]])[^\"]{0,64}\""
    rb"|n?cha?r\s?\(\s?[0-9][0-9x, a-f]{0,400}\)|0x(?:[0-9a-f]{2}){2,200})"
)
_BETWEEN: Final = rb"(?:\s{0,3}(?:\|\||[+.])\s{0,3}|(?<=\w['\"])\s{1,3}(?=['\"]\w))"
# Of lower-case texts: that, and the glance at the first sign, make it four times as fast.
_PIECES: Final = re.compile(
    rb"(?=['\"nc0s$^`])(?:"
    rb"(?P<list>concat(?:_ws)?\s?\(\s?" + _ATOM + rb"(?:\s?,\s?" + _ATOM + rb"){1,64}\s?\)?)"
    rb"|(?P<chain>" + _ATOM + rb"(?:" + _BETWEEN + _ATOM + rb"){1,64})"
    rb"|(?P<codes>\b(?:string\.fromcharcode|n?cha?r)\s?\(\s?[0-9]{2,3}[0-9x, a-f]{3,800}\))"
    rb"|(?P<hex>\b0x(?:[0-9a-f]{2}){4,400}\b)"
    rb"|(?P<ifs>\$(?:\{ifs\}|ifs)(?:\$[0-9])?)"
    rb"|(?P<nothing>(?<=[a-z/])(?:''|\"\"|``|\$[@*]|\^)(?=[a-z/]))"
    rb"|(?<=[a-z/])(?P<quote>['\"])(?P<letters>[a-z/]{1,16})(?P=quote)(?=[a-z/]))"
)
_MAX_WORD: Final = 64  # bytes of a shell word on either side, chosen: bounds the work
_WORD_BYTES: Final = b"abcdefghijklmnopqrstuvwxyz0123456789_-./'\"`^"
_TAKEN_AWAY: Final = re.compile(rb"['\"`^]|\$[@*]")
_WORD: Final = re.compile(rb"(?:[\w./'\"`^-]|\$[@*])*")
_PATH_PART: Final = re.compile(rb"[^/.]+")
# Chosen: what payloads of the lists run and read.
_COMMANDS: Final = frozenset(
    b"arp at awk base64 bash bin bitsadmin busybox bzip2 cat certutil chmod chown cmd cp cron "
    b"crontab csh cscript curl cut dash date dd df diff dig dir dmesg echo egrep env etc eval exec "
    b"expr fgrep file find finger ftp gcc grep group gzip head hexdump host hostname hosts htop id "
    b"ifconfig ip ipconfig issue java jobs kill killall ksh less ln ls lsb_release lsof lynx mail "
    b"mkdir mkfifo more mount mshta mv mysql nano nc ncat net netcat netsh netstat nice nl nmap "
    b"node nohup nslookup od openssl passwd paste perl php ping pkill powershell printenv printf "
    b"proc ps psql pwd pwsh python python2 python3 reg regsvr32 rev rm rmdir route rpm rsync ruby "
    b"rundll32 sc schtasks scp sed service set sh shadow shutdown sleep socat sort source ss ssh "
    b"stat strings su sudo sysctl systeminfo tac tail tar tasklist tcpdump tee telnet tftp time "
    b"top touch tr traceroute type ufw uname uniq unzip uptime useradd usr vi vim vol wall wc "
    b"wget which who whoami wmic wscript xargs xxd zip zsh".split()
)
_ATOMS: Final = re.compile(_ATOM)
_NUMBER: Final = re.compile(rb"0x[0-9a-f]{1,4}|[0-9]{1,4}")
_PRINTABLE: Final = frozenset(range(32, 127)) | {9, 10, 13}


def _flags(chars: bytes) -> npt.NDArray[np.bool_]:
    table = np.zeros(256, bool)
    table[list(chars)] = True
    return table


_TRIGGERS: Final = _flags(b"'\"`$^(xX")
_QUOTES: Final = _flags(b"'\"`")
_JOINERS: Final = _flags(b"|+.")
_LETTERS: Final = _flags(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ/")
_HEX: Final = _flags(b"0123456789abcdefABCDEF")
# What stands before the bracket of char, chr, fromCharCode, concat and concat_ws.
_CALLS: Final = np.array(
    [int.from_bytes(end) for end in (b"har", b"chr", b"ode", b"cat", b"\x7fws")], np.uint32
)


def pieced(data: Bytes, end: int) -> Ints:
    """Bytes near which a text may be in pieces, for `joined` to decide.

    Args:
        data: Texts, each with padding behind it; two bytes at least.
        end: Bytes looked at.
    """
    at = np.flatnonzero(_TRIGGERS[data[:end]])
    if not len(at):
        return at
    # Before the first text stands the padding of the last.
    here, before, after, beyond = data[at], data[at - 1], data[at + 1], data[at + 2]
    letter = _LETTERS[before]
    within = letter & _LETTERS[after]
    found = _JOINERS[after] | ((after == 32) & (_JOINERS[beyond] | _QUOTES[beyond]))
    found |= within | (letter & (after == here) & _LETTERS[beyond])
    found &= _QUOTES[here]
    found |= (here == ord("^")) & within
    found |= (here == ord("$")) & np.isin(after, np.frombuffer(b"{iI@*", np.uint8))
    name = (data[at - 3] | 32).astype(np.uint32) << 16
    name += (data[at - 2] | 32).astype(np.uint32) << 8
    name += before | 32
    found |= (here == ord("(")) & np.isin(name, _CALLS)
    found |= ((here | 32) == ord("x")) & (before == ord("0")) & _HEX[after] & _HEX[beyond]
    places: Ints = at[found]
    return places


def joined(raw: bytes) -> list[Edit]:
    """What to change in a text for its pieces to be together, in order; none when it has none."""
    lower = raw.lower()
    found: list[Edit] = []
    word_to = done = 0
    for match in _PIECES.finditer(lower):
        start, end = match.span()
        if match["nothing"] or match["letters"]:
            if start >= max(word_to, done):
                edits, word_to = _of_shell(lower, start, done)
                found += edits
        elif start >= done:
            new = _together(match)
            if new is not None:
                found.append((start, end, new))
        done = found[-1][1] if found else 0
        if len(found) >= _MAX_EDITS:
            break
    return found


def _of_shell(lower: bytes, at: int, begin: int) -> tuple[list[Edit], int]:
    """What to leave out of the word at `at` for a command or a file to come out of it.

    Args:
        lower: The text.
        at: A sign that a shell takes away, within a word.
        begin: Where the word begins at the earliest.

    Returns:
        The edits, none when nothing known comes out; and where the word ends.
    """
    before = lower[max(begin, at - _MAX_WORD) : at]
    first = at - len(before) + len(before.rstrip(_WORD_BYTES))
    word = _WORD.match(lower, first, first + 2 * _MAX_WORD)
    whole = b"" if word is None else word[0]
    known: list[Edit] = []
    for part in _PATH_PART.finditer(whole):
        gone = [match.span() for match in _TAKEN_AWAY.finditer(part[0])]
        if gone and _TAKEN_AWAY.sub(b"", part[0]) in _COMMANDS:
            base = first + part.start()
            known += [(base + start, base + end, b"") for start, end in gone]
    return known, max(first + len(whole), at + 1)


def _together(match: re.Match[bytes]) -> bytes | None:
    if match["ifs"]:
        return b" "
    whole = match[0]
    if match["codes"]:
        word = _of_codes(whole)
    elif match["hex"]:
        word = _of_hex(whole)
    else:
        parts = [_of_atom(atom[0]) for atom in _ATOMS.finditer(whole)]
        word = None if None in parts else b"".join(part for part in parts if part)
    return b"'" + word + b"'" if word else None


def _of_atom(atom: bytes) -> bytes | None:
    if atom[:1] in {b"'", b'"'}:
        return atom[1:-1]
    return _of_hex(atom) if atom[:2] == b"0x" else _of_codes(atom)


def _of_hex(word: bytes) -> bytes | None:
    said = bytes.fromhex(word[2:].decode("ascii"))
    return said if _PRINTABLE.issuperset(said) else None


def _of_codes(call: bytes) -> bytes | None:
    numbers = (int(n, 16 if n[:2] == b"0x" else 10) for n in _NUMBER.findall(call))
    codes = list(numbers)
    return bytes(codes) if codes and _PRINTABLE.issuperset(codes) else None


_WORDS: Final = frozenset(
    b"union select insert update delete where having order group into outfile dumpfile load "
    b"benchmark sleep waitfor delay exec execute drop table database schema information truncate "
    b"alter create concat substring ascii char cast convert version user from limit script alert "
    b"onerror onload javascript iframe eval document cookie prompt confirm".split()
)
_CUT: Final = re.compile(
    rb"\b[a-z]{1,12}(?:/\*[a-z0-9_]{0,16}\*/[a-z]{1,12}){1,12}\b", re.IGNORECASE
)
_COMMENT: Final = re.compile(rb"/\*[^*]{0,16}\*/")


def cuts(raw: bytes) -> frozenset[int]:
    """Where comments begin that cut a keyword into pieces: in these, nothing stands for them."""
    found: set[int] = set()
    for match in _CUT.finditer(raw):
        comments = list(_COMMENT.finditer(raw, *match.span()))
        words = _COMMENT.split(match[0].lower())
        first = 0
        while first < len(words):
            last = _keyword_to(words, first)
            found |= {comments[i].start() for i in range(first, last)}
            first = last + 1
    return frozenset(found)


def _keyword_to(words: list[bytes], first: int) -> int:
    """Index of the last of the words that make a keyword from `first` on, or `first`."""
    for last in range(len(words) - 1, first, -1):
        if b"".join(words[first : last + 1]) in _WORDS:
            return last
    return first


_SIGNS: Final = b"=&?\n"
_PAIR: Final = re.compile(rb"[?&\n]([\w.$:%%-]{1,64})=([^&\n]{0,%d})" % _MAX_VALUE)
_NO_FORM: Final = (b"{", b"[", b"<", b"-")  # JSON, XML and multipart begin like that
_ODD: Final = re.compile(rb"[\s'\"<>()*;|$`]")


def repeated(data: Bytes, starts: Ints, end: int) -> Ints:
    """Texts with a parameter that may come more than once, for `merged` to decide.

    Args:
        data: Texts with padding behind `end`.
        starts: Where each text begins.
        end: Bytes looked at.
    """
    held = data[:end]
    # Four comparisons take a third of the time of one look-up.
    is_sign = held == _SIGNS[0]
    for sign in _SIGNS[1:]:
        is_sign |= held == sign
    at = np.flatnonzero(is_sign)
    is_equals = held[at] == ord("=")
    names = np.flatnonzero(is_equals[1:] & ~is_equals[:-1])
    signs, equals = at[names], at[names + 1]
    # Names of one length that begin and end alike may be the same: chance hits cost little.
    key = np.searchsorted(starts, signs, side="right") << 8
    key += np.minimum(equals - signs, 255)
    for place in (signs + 1, signs + 2, equals - 1):
        key <<= 5
        key += data[place] & 31
    key.sort()
    return np.unique((key[1:][key[1:] == key[:-1]] >> 23) - 1)


def merged(raw: bytes) -> Iterator[list[tuple[int, int]]]:
    """For each repeated parameter the bytes [start, end) of its different values.

    Lists have a bracket in their name, and values that are plain words are nobody's payload:
    both are passed over, and so are bodies that are no forms.
    """
    body = raw.find(b"\n\n") + 2
    end = body if body > 1 and raw.startswith(_NO_FORM, body) else len(raw)
    values: dict[bytes, list[re.Match[bytes]]] = {}
    for match in islice(_PAIR.finditer(raw, 0, end), _MAX_VALUES):
        if not match[1].lower().endswith(b"%5d"):
            values.setdefault(match[1].lower(), []).append(match)
    for found in values.values():
        # White space at the end, and a plus for a space, come of how it was sent.
        several = {
            match[2].replace(b"+", b" ").rstrip(): match.span(2) for match in reversed(found)
        }
        if len(several) > 1 and any(map(_ODD.search, several)):
            yield sorted(several.values())
