"""How a short text is written: named numbers beside its words.

Friends, banks, operators and thieves write in different manners, and these differ far less from
one country to another than words and numbers do. What a number looks like is not told, only
whether one is to be called, dialled or paid.
"""

import math
import re
from typing import Final

MAX_CHARS: Final = 2_000  # chosen: read of a text; a short one is shorter

# Words by what they tell of the writer: chosen.
_CHAT: Final = (
    "u ur r y k n d im ill dont cant wat wot dat dis dem tho thru pls plz plss lol haha hahaha "
    "hehe hey hi ok okay oki yeah yea yup nope nah gonna wanna gotta lemme luv xx xxx xxxx gud gd "
    "nite tmr tmrw tomo 2moro b4 gr8 l8r msg thanx thnx tnx thx ya yo bro sis dude bcos cos cuz "
    "coz abt hw sup wassup omg btw brb wk watchin goin comin jus lor lah leh meh la liao mum mom "
    "dad babe hun hon honey darling sweetheart bb gn gm abeg biko una dey wetin sef nko oya"
)
_FIRST: Final = "i me my mine im ive id ill we us our am myself"
_SECOND: Final = "you your yours yourself"
_THIRD: Final = "he she him her his hers they them their"
_ASKING: Final = (
    "call text txt sms send reply dial ring click visit tap get win claim enjoy buy recharge topup "
    "subscribe download join activate collect order shop save try apply register book switch renew "
    "upgrade go hurry check update confirm verify follow view redeem earn bet play listen watch "
    "meet chat discover grab choose press enter log login sign unlock open load pay"
)
_TERMS: Final = (
    "terms tc tcs apply stop optout unsub unsubscribe helpline subscription subscriber subscribers "
    "subscribed valid validity expire expires expiry expired customer customers purchase per"
)
_KINDS: Final = tuple(
    frozenset(words.split()) for words in (_CHAT, _FIRST, _SECOND, _THIRD, _TERMS, _ASKING)
)
_KINDS_OF: Final = {
    word: tuple(i for i, kind in enumerate(_KINDS) if word in kind)
    for word in frozenset().union(*_KINDS)
}
_WORD: Final = re.compile(r"[^\W\d_]+(?:'[a-z]+)?")
_PLAIN_WORD: Final = re.compile(r"[a-z]+(?:'[a-z]+)?", re.ASCII)  # the same, far quicker
_SENTENCE_END: Final = re.compile(r"[.!?\n]+")
# These read the text in lower case.
_LINK: Final = re.compile(
    r"http|hxxp|www|(?<=[a-z0-9-]{2})\.(?:com|net|org|info|co|uk|ng|tv|ly|me|in|de|fr|es|br|mobi"
    r"|biz|io|app|top|xyz|link|site|online|za|ke|gh|ph|au|ca|us|it|nl|cc|gl)\b"
)
_MONEY: Final = re.compile(
    r"[$£€¥₹₦₱]\s?\d|\b(?:usd|eur|gbp|ngn|rs|inr|kes|ksh|zar|php|aud|sgd|rm|ghs?|n|p|k)\.?\s?\d"
    r"|\d\s?(?:pounds?|dollars?|euros?|naira|rupees|pence|p/|p\b|rand|shillings?|quid|bucks|pesos)"
)
_NUMBER_TO_USE: Final = re.compile(
    r"\b(?:call|text|txt|sms|send|reply|dial|ring|phone|to|on|visit)\b\W{0,3}(?:\w{1,30}\W{1,3})"
    r"{0,3}?[*#]?\d{3,}"
)
_DIALLED: Final = re.compile(r"[*#]\d{1,4}(?:[*#]\w{1,12}){0,3}#")
_SMILE: Final = re.compile(r"[:;=][-']?[)(dpo*/|]|<3|\bx{1,4}\b|[\U0001f300-\U0001faff]")
_TIME: Final = re.compile(r"\d\s?(?:am|pm|hrs?)\b")
_GREETING: Final = re.compile(r"\W{0,3}(?:dear|hello|hi)\b")
_CAPITALS: Final = re.compile(r"\b[A-Z]{3,}\b")
_TITLES: Final = re.compile(r"(?<=[a-z,] )[A-Z][a-z]+")
_LONE_I: Final = re.compile(r"\bi\b")
_NO_BLANK: Final = re.compile(r"[.,!?][a-z]")
_LARGE: Final = re.compile(r"\d[\d,]{3,12}\d|\d[km]\b|million")
_PERCENT: Final = re.compile(r"\d\s?%")
_PHONE: Final = re.compile(r"(?<!\d)\d[\d -]{8,14}\d(?!\d)")
_CODE: Final = re.compile(r"(?<!\d)\d{4,6}(?!\d)")
# Of whether each is there at all; those of numbers are not looked for where no digit is.
_SIGNS: Final = (_LINK, _SMILE, _NO_BLANK)
_NUMBER_SIGNS: Final = (
    _MONEY, _NUMBER_TO_USE, _DIALLED, _PERCENT, _TIME, _LARGE, _PHONE, _CODE,
)  # fmt: skip
_NO_NUMBERS: Final = (0.0,) * len(_NUMBER_SIGNS)
N_NUMBERS: Final = len(_SIGNS) + len(_NUMBER_SIGNS) + len(_KINDS) + 18
_UPPER: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LOWER: Final = _UPPER.lower()
_DIGITS: Final = b"0123456789"
_LONG_TEXT: Final = 7.0  # of the logarithm of characters: about 1,100; chosen
_LONG_WORD: Final = 7  # characters; chosen


def shape(text: str) -> list[float]:
    """Numbers between 0 and 1 of how a text is written, `N_NUMBERS` of them.

    Args:
        text: As it came; links, numbers and capitals in their places.
    """
    text = text[:MAX_CHARS]
    low = text.lower()
    n_letters, n_capitals, n_digits = _counts(text)
    finder = _PLAIN_WORD if text.isascii() else _WORD
    words = finder.findall(low)
    n_words = max(len(words), 1)
    sentences = [piece for part in _SENTENCE_END.split(text) if (piece := part.strip())]
    n_asking = sum(_first_word(sentence) in _KINDS[-1] for sentence in sentences)
    return [
        *(float(sign.search(low) is not None) for sign in _SIGNS),
        *([float(s.search(low) is not None) for s in _NUMBER_SIGNS] if n_digits else _NO_NUMBERS),
        *_shares(words, n_words),
        n_capitals / max(n_letters, 1),
        n_digits / max(len(text), 1),
        min(math.log1p(len(text)) / _LONG_TEXT, 1.0),
        min(math.log1p(len(words)) / _LONG_TEXT, 1.0),
        n_asking / max(len(sentences), 1),
        float(bool(words) and words[0] in _KINDS[-1]),
        min(len(sentences), 8) / 8,
        float(bool(sentences) and sentences[0][0].islower()),
        min(text.count("!"), 4) / 4,
        min(text.count("?"), 4) / 4,
        float(".." in text),
        float(":" in text),
        float(_LONE_I.search(text) is not None),
        min(len(_CAPITALS.findall(text)) / n_words, 1.0) if n_capitals else 0.0,
        min(len(_TITLES.findall(text)) / n_words, 1.0) if n_capitals else 0.0,
        min(sum(map(len, words)) / n_words / 10, 1.0),
        sum(len(word) >= _LONG_WORD for word in words) / n_words,
        float(_GREETING.match(low) is not None),
    ]


def _first_word(sentence: str) -> str:
    return sentence.split(None, 1)[0].lower().strip(",:;-*'\"")


def _shares(words: list[str], n_words: int) -> list[float]:
    """Share of the words that are of each kind."""
    counts = [0] * len(_KINDS)
    for word in words:
        kinds = _KINDS_OF.get(word.replace("'", "") if "'" in word else word)
        for kind in kinds or ():
            counts[kind] += 1
    return [count / n_words for count in counts]


def _counts(text: str) -> tuple[int, int, int]:
    """Letters of a text, capitals among them, and digits."""
    if text.isascii():
        raw = text.encode()
        n, n_capitals = len(raw), len(raw) - len(raw.translate(None, _UPPER))
        n_small = n - len(raw.translate(None, _LOWER))
        return n_capitals + n_small, n_capitals, n - len(raw.translate(None, _DIGITS))
    letters = [c for c in text if c.isalpha()]
    return len(letters), sum(map(str.isupper, letters)), sum(map(str.isdigit, text))
