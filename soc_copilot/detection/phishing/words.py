"""What the models of e-mails and short texts read: words, pairs of words, and pieces of words.

No capitals, punctuation, layout, or length is read of an e-mail: corpora differ in them more
than phish from other mail. Numbers, addresses and links are made alike. Of a short text no number
is read as a word; how it is written is told by `text_shape`.
"""

import itertools
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from soc_copilot.detection.phishing import text_shape
from soc_copilot.detection.phishing.baits import BaitFinder
from soc_copilot.detection.phishing.hashing import Gathered
from soc_copilot.detection.phishing.urls import skeleton

SUBJECT, WORDS, PAIRS, PIECES = range(4)
N_FIELDS: Final = 4
MAX_WORDS: Final = 220  # chosen: a phish has said what it wants by then
MAX_SUBJECT_WORDS: Final = 30  # chosen
MAX_WORD_CHARS: Final = 24  # chosen
MAX_CHARS: Final = 6_000  # chosen: read of a text at all
_MAX_KEPT: Final = 256  # chosen: texts read lately, under 40 MB at the very worst

_URL: Final = re.compile(
    r"(?:(?:https?|hxxps?|ftp)\s?:\s?/\s?/\s?|www\s?\.\s?)\S{1,2000}", re.IGNORECASE
)
_ADDRESS: Final = re.compile(r"[\w.+-]{1,64}\s?@\s?[\w-]{1,63}(?:\s?\.\s?[\w-]{2,63}){1,4}")
_QUOTED: Final = re.compile(r"(?m)^\s*(?:>|\|).*$")
_QUOTE_HEAD: Final = re.compile(r"(?im)^.{0,80}(?:wrote|schrieb|writes|said)\s?:\s*$")
_QUOTING: Final = re.compile(r"(?i)(?:wrote|schrieb|writes|said)\s?:")
_QUOTING_CHARS: Final = 9  # that it matches at most
_FOOTER: Final = re.compile(r"\n(?:-- |_{20,}|-{20,}|={20,})\s?\n.*", re.DOTALL)
_TAGS: Final = re.compile(
    r"^(?:\s*(?:re|fw|fwd|aw|wg|tr|rv|res|enc)\s*:|\s*\[[^\]]{1,40}\])+", re.I
)
_TOKEN: Final = re.compile(r"[^\W\d_]+|\d+")
_WORD: Final = re.compile(r"\w+")
_OTHER_ALPHABET: Final = re.compile(r"[\u0370-\u058f]")  # Greek, Cyrillic, Armenian
_CAPITALS: Final = re.compile(r"\b[A-Z]{4,}\b")
# Letters without blanks between words: each two count as a word.
_UNSPACED: Final = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")

# Kinds of bait, in the languages that phish are met in; stems, each at a word's beginning: chosen.
BAITS: Final[dict[str, str]] = {
    "haste": "urgent|immediate|within \\d+ ?h|24 hours|48 hours|expir|deadline|last warning|final "
    "notice|asap|act now|dringend|sofort|umgehend|abgelaufen|frist|innerhalb von|urgence|"
    "immédiat|sous 24|sous 48|expire|dernier|urgente|inmediat|imediat|vence|caduca|último aviso|"
    "scadenz|scadut|entro|subito|spoed|onmiddellijk|binnen 24|verlopen|verloopt|"
    "至急|緊急|時間以内|期限",
    "closing": "suspend|deactivat|terminat|disabled|locked|blocked|restrict|limit(?:ed|ation)|"
    "unusual|suspicious|unauthori|gesperrt|eingeschränkt|ungewöhnlich|verdächtig|suspendu|bloqu|"
    "restreint|inhabituel|suspend|inusual|sospech|suspeit|sospes|bloccat|insolit|geblokkeerd|"
    "opgeschort|verdacht|ongebruikelijk|停止|制限|不正|異常",
    "proving": "verify|verif|validat|confirm|reactivat|re-activat|update your|upgrade your|"
    "bestätigen|aktualisier|verifizier|legitimier|vérifi|confirm|mettre à jour|actualiz|atualiz|"
    "confirme|aggiorna|conferm|bevestig|bijwerken|verifieer|identific|確認|更新|認証",
    "account": "account|mailbox|quota|password|sign-?in|log-?in|credential|webmail|konto|"
    "passwort|anmeld|postfach|compte|mot de passe|connexion|boîte|cuenta|contraseña|acceso|conta|"
    "senha|acesso|accesso|casella|wachtwoord|inlog|rekening|アカウント|パスワード|ログイン|口座",
    "click": "click (?:here|below|the link|on)|follow (?:the|this) link|button below|open the "
    "attach|klicken|hier klick|link folgen|cliquez|cliquer|suivez le lien|haga clic|pulse|clique "
    "aqui|clic|clicca|klik|クリック|こちら",
    "money": "payment|invoice|refund|transfer|bank|card|billing|wallet|bitcoin|crypto|tax|"
    "zahlung|rechnung|überweis|erstattung|karte|paiement|facture|rembours|virement|carte|pago|"
    "factura|reembolso|tarjeta|pagamento|fatura|boleto|cartão|fattura|rimborso|betaling|factuur|"
    "terugbetal|支払|請求|返金|カード",
    "prize": "congratulation|winner|won|prize|gift|reward|bonus|claim|free|lottery|selected|"
    "gewonnen|gewinn|gutschein|geschenk|glückwunsch|belohn|félicitation|gagn|cadeau|gratuit|"
    "felicidades|felicitacion|ganador|premio|regalo|parabéns|prêmio|grátis|ganh|congratulazioni|"
    "vinto|gefeliciteerd|prijs|gratis|当選|プレゼント|特典",
    "parcel": "parcel|package|delivery|shipment|tracking|customs|courier|paket|sendung|"
    "zustell|lieferung|zoll|colis|livraison|douane|paquete|envío|entrega|aduana|encomenda|"
    "alfândega|pacco|spedizione|consegna|dogana|pakket|bezorg|zending|荷物|配達|お届け",
    "heir": "beneficiary|inherit|next of kin|million|donat|fund|barrister|diplomat|consignment|"
    "confidential|dear friend|business proposal|investment|erbschaft|millionen|héritage|herencia|"
    "herança|eredità|erfenis",
    "you": "dear (?:customer|user|client|member|email|valued|sir)|valued customer|account holder|"
    "sehr geehrte(?:r)? (?:kund|nutz)|cher client|chère cliente|estimado|apreciado cliente|"
    "prezado|caro cliente|gentile|beste klant|geachte klant|お客様|会員",
    "shame": "webcam|masturbat|your device|hacked|recorded|malware on|porn|pervert|blackmail",
    "deal": "% off|discount|sale|limited time|exclusive|offer|unsubscribe|casino|spins|dating|"
    "singles|weight|diet|pills|loan|rabatt|angebot|exklusiv|kredit|offre|promo|remise|oferta|"
    "descuento|desconto|sconto|offerta|aanbieding|korting",
}
_BAITS: Final = BaitFinder(BAITS)
N_BAITS: Final = len(BAITS)


def fold(text: str) -> str:
    """A text with letters that only look different made one, lower case."""
    plain = text[:MAX_CHARS]
    if not plain.isascii():
        plain = unicodedata.normalize("NFKC", plain)
    plain = plain.lower()
    if _OTHER_ALPHABET.search(plain):
        plain = _WORD.sub(lambda word: _one_alphabet(word.group()), plain)
    return plain


def clean(text: str) -> str:
    """A body without quoted text, footers, links and addresses."""
    text = _FOOTER.sub("", text[: 4 * MAX_CHARS])
    if ">" in text or "|" in text:
        text = _QUOTED.sub("", text)
    if _is_quoting(text):
        text = _QUOTE_HEAD.sub("", text)
    if _may_link(text):
        text = _URL.sub(" linkmark ", text)
    return _ADDRESS.sub(" addressmark ", text) if "@" in text else text


def _is_quoting(text: str) -> bool:
    """True where words stand that come before a quoted text; only those before a colon can."""
    at = text.find(":")
    while at >= 0:
        if _QUOTING.search(text, max(at + 1 - _QUOTING_CHARS, 0), at + 1):
            return True
        at = text.find(":", at + 1)
    return False


def _may_link(text: str) -> bool:
    """False where nothing begins as a link does: far quicker to tell than by its pattern."""
    plain = text.lower()
    return "www" in plain or "http" in plain or "ftp" in plain or "hxxp" in plain


def tokens(text: str) -> list[str]:
    """Words of a folded text, numbers made alike."""
    found = []
    for token in _TOKEN.findall(text):
        if token.isdigit():
            found.append(f"#{min(len(token), 7)}")
        elif token.isascii():
            found.append(token[:MAX_WORD_CHARS])
        elif _UNSPACED.match(token):
            found.extend(token[i : i + 2] for i in range(0, len(token[:60]) - 1))
        else:
            found.append(without_accents(token[:MAX_WORD_CHARS]))
    return found


def without_accents(token: str) -> str:
    """A word of Latin letters without accents; another one as it is."""
    return skeleton(token) if any("a" <= c <= "z" for c in token) else token


def _one_alphabet(token: str) -> str:
    """A word with look-alikes made Latin, where it has Latin letters as well."""
    if not _OTHER_ALPHABET.search(token):
        return token
    return skeleton(token) if any("a" <= c <= "z" for c in token) else token


@dataclass(frozen=True, slots=True)
class _Read:
    """A text as the models read it.

    Attributes:
        title: The subject, folded.
        plain: The body, folded.
        head: Words of the subject.
        words: Words of the body.
    """

    title: str
    plain: str
    head: tuple[str, ...]
    words: tuple[str, ...]


# What is scored is explained next, and both read it alike.
@lru_cache(maxsize=_MAX_KEPT)
def _read(subject: str, body: str) -> _Read:
    title, plain = fold(clean(_TAGS.sub("", subject))), fold(clean(body))
    head, words = tokens(title)[:MAX_SUBJECT_WORDS], tokens(plain)[:MAX_WORDS]
    return _Read(title, plain, tuple(head), tuple(words))


def gather(subject: str, body: str, *, is_short: bool) -> Gathered:
    """Everything a model reads of a text.

    Args:
        subject: "" for a short text.
        body: What a reader sees.
        is_short: A short text: how it is written is looked at as well.
    """
    found = Gathered()
    read = _read(subject, body[: 4 * MAX_CHARS])
    head, words = read.head, read.words
    add = found.words.append
    for word in head:
        add((SUBJECT, "s:" + word))
    for one, two in itertools.pairwise(head):
        add((SUBJECT, f"t:{one} {two}"))
    # What a number says is a country's and an operator's.
    every = [w for w in words if w[0] != "#"] if is_short else [*head, *words]
    for word in dict.fromkeys(every):  # once each: a word said often says no more
        add((WORDS, "w:" + word))
    for pair in dict.fromkeys(itertools.pairwise(every)):
        add((PAIRS, f"p:{pair[0]} {pair[1]}"))
    found.texts.append((PIECES, 1, f" {' '.join(dict.fromkeys(every))} "[:1_500], 4, 5))
    found.dense = _numbers(f"{read.title}\n{read.plain}", body, is_short=is_short)
    return found


def said(subject: str, body: str) -> list[str]:
    """The words that a model reads of a text, each once."""
    read = _read(subject, body[: 4 * MAX_CHARS])
    return list(dict.fromkeys([*read.head, *read.words]))


def baits(folded: str) -> list[tuple[str, int, int]]:
    """Kinds of bait in a folded text, and where each first stands."""
    return _BAITS.places(folded)


def _numbers(folded: str, body: str, *, is_short: bool) -> list[float]:
    kinds = _BAITS.kinds(folded)
    found = [float(kind in kinds) for kind in BAITS]
    found.append(min(len(kinds), 6) / 6)
    if is_short:
        found += text_shape.shape(body)
    return found


def n_dense(*, is_short: bool) -> int:
    """How many numbers a sample has."""
    return N_BAITS + 1 + (text_shape.N_NUMBERS if is_short else 0)


def spans(text: str, wanted: Sequence[str], limit: int = 40) -> list[tuple[int, int]]:
    """Where lower-case words stand in a text as shown, for highlights: (start, end)."""
    lower = plain(text)
    found = [at for word in wanted if (at := place(lower, word)) is not None]
    return sorted(found)[:limit]


def plain(text: str) -> str:
    """A text in lower case, every letter at its place."""
    lower = text.lower()
    return lower if len(lower) == len(text) else text  # a letter that is two in lower case


def place(lower: str, word: str) -> tuple[int, int] | None:
    """Where a word first begins in a lower-case text, and its end; None for nowhere."""
    at = lower.find(word)
    while at > 0 and lower[at - 1].isalnum():
        at = lower.find(word, at + 1)
    return (at, at + len(word)) if at >= 0 else None
