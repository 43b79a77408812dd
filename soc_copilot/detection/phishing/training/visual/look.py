"""What layouts draw pages with: a brand's colours and logo, its pictures, texts, form fields."""

import random
from collections.abc import Sequence
from typing import Final

from soc_copilot.detection.phishing.training.visual.brands import MadeUp, is_light

_SAID: Final[dict[str, tuple[str, ...]]] = {
    "en": ("Sign in", "E-mail or phone", "Password", "Next", "Forgot password?", "Create account",
           "Verify your account", "Continue", "Card number", "Expiry date", "Name on card", "Pay "
           "now",
           "Track your parcel", "Search", "Help", "Contact", "About us", "Your account", "Log out"),
    "de": ("Anmelden", "E-Mail oder Telefon", "Passwort", "Weiter", "Passwort vergessen?",
           "Konto erstellen", "Konto bestätigen", "Fortfahren", "Kartennummer", "Gültig bis",
           "Karteninhaber", "Jetzt zahlen", "Sendung verfolgen", "Suche", "Hilfe", "Kontakt",
           "Über uns", "Ihr Konto", "Abmelden"),
    "fr": ("Se connecter", "E-mail ou téléphone", "Mot de passe", "Suivant", "Mot de passe oublié "
    "?",
           "Créer un compte", "Vérifiez votre compte", "Continuer", "Numéro de carte", "Expiration",
           "Titulaire", "Payer", "Suivre votre colis", "Rechercher", "Aide", "Contact",
           "À propos", "Votre compte", "Déconnexion"),
    "es": ("Iniciar sesión", "Correo o teléfono", "Contraseña", "Siguiente", "¿Olvidó su clave?",
           "Crear cuenta", "Verifique su cuenta", "Continuar", "Número de tarjeta", "Caducidad",
           "Titular", "Pagar ahora", "Seguir su envío", "Buscar", "Ayuda", "Contacto",
           "Quiénes somos", "Su cuenta", "Salir"),
    "pl": ("Zaloguj się", "E-mail lub telefon", "Hasło", "Dalej", "Nie pamiętasz hasła?",
           "Utwórz konto", "Potwierdź konto", "Kontynuuj", "Numer karty", "Data ważności",
           "Imię i nazwisko", "Zapłać", "Śledź przesyłkę", "Szukaj", "Pomoc", "Kontakt", "O nas",
           "Twoje konto", "Wyloguj"),
}  # fmt: skip
_KEYS: Final = (
    "sign_in", "user", "password", "next", "forgot", "create", "verify", "go_on", "card", "expiry",
    "holder", "pay", "track", "search", "help", "contact", "about", "account", "log_out",
)  # fmt: skip
LANGUAGES: Final = tuple(_SAID)
_SYLLABLES: Final = (
    "la", "ver", "tion", "ment", "a", "de", "un", "con", "pre", "ing", "er", "to", "is", "al", "re",
    "so", "mi", "ent", "co", "ta", "per", "no", "que", "den", "ge", "ur", "li", "po", "sta",
)  # fmt: skip
_CSS: Final = """
*{box-sizing:border-box; margin:0; padding:0} body{font:15px/1.45 '%(font)s'; background:%(bg)s;
color:%(ink)s; min-height:100vh; position:relative; overflow:hidden} .logo{display:inline-flex;
align-items:center; gap:.4em; white-space:nowrap; line-height:1} .logo span,.mk{display:block}
.mk{width: 100%%; height:100%%} h1,h2,h3{font-family:'%(head)s'; line-height:1.2;
margin-bottom:.5em} p{margin-bottom: .8em} label{display:block; font-size:13px; margin:.7em 0
.25em} .f{display:block; width:100%%; height:40px; border:1px solid %(line)s;
border-radius:%(rad)spx; background:%(field)s; padding:9px 11px; color:%(mute)s} .u
.f{border-width:0 0 2px; border-radius:0; background:transparent} .b{display:inline-block;
background: %(first)s; color:%(on)s; border-radius:%(rad)spx; padding:10px 22px; font-weight:600;
text-align:center; margin-top:14px} .w{width:100%%} .o{background:transparent; color:%(first)s;
border:1px solid %(first)s} a{color:%(first)s; text-decoration:none} .c{background:%(card)s;
border-radius:%(rad)spx; border:1px solid %(line)s; padding:28px} .s{box-shadow:0 6px 24px #0003;
border:0} .r{display:flex; align-items:center; gap: 18px} .sp{justify-content:space-between}
.m{color:%(mute)s; font-size:13px} .g{display:grid; gap:16px} .bar{padding:0 28px}
footer{position:absolute; bottom:0; left:0; right:0; padding:14px 28px}
"""


class Look:
    """A page's means.

    Args:
        brand: Whose page it is.
        design: Seed of what the layout leaves open: the same for every page of one design.
        words: Seed of texts and of what the page shows now.
        language: One of `LANGUAGES`.
        is_dark: Light text on dark.
        is_phone: Narrow.
        has_logo: False for a page from which mark and name were taken out.
        others: Brands whose marks the page shows beside its own.
        where: Of these marks: "buttons" to sign in with, "footer", or "" for where the layout
            has room for them.
        drawn: The brand whose logo is drawn, where it is not quite the page's own.
    """

    def __init__(
        self,
        brand: MadeUp,
        design: int,
        words: int,
        *,
        language: str = "en",
        is_dark: bool = False,
        is_phone: bool = False,
        has_logo: bool = True,
        others: Sequence[MadeUp] = (),
        where: str = "",
        drawn: MadeUp | None = None,
    ) -> None:
        self._drawn = drawn or brand
        self.brand, self.is_dark, self.is_phone, self.has_logo = brand, is_dark, is_phone, has_logo
        self.others, self.where = others, where
        self.design = random.Random(design)  # noqa: S311 - no secret
        self.words = random.Random(words)  # noqa: S311 - no secret
        self.say = dict(zip(_KEYS, _SAID[language], strict=True))
        self.first, self.second = brand.first, brand.second
        self.on_first = "#1a1a1a" if is_light(brand.first) else "#ffffff"
        grounds = ("#ffffff", "#f4f5f7", "#f7f4ef", f"{brand.first}12")
        self.bg = "#15181d" if is_dark else self.design.choice(grounds)
        self.card = "#20252c" if is_dark else "#ffffff"
        self.ink = "#e8e8ea" if is_dark else "#20242a"
        self.mute = "#9aa0a8" if is_dark else "#6b7280"
        self.line = "#3a4049" if is_dark else "#d5d9df"

    def page(self, body: str, style: str = "") -> str:
        """A whole page around a body."""
        brand = self.brand
        css = _CSS % {
            "font": brand.font, "head": brand.head_font, "bg": self.bg, "ink": self.ink,
            "line": self.line, "field": "#2a3038" if self.is_dark else "#ffffff",
            "mute": self.mute, "first": self.first, "on": self.on_first, "card": self.card,
            "rad": brand.radius,
        }  # fmt: skip
        kind = ' class="u"' if self.brand.art % 5 == 0 else ""
        return (
            f'<!doctype html><html><head><meta charset="utf-8"><style>{css}{style}</style></head>'
            f"<body{kind}>{body}</body></html>"
        )

    def logo(self, height: int, *, on_first: bool = False, on_card: bool = True) -> str:
        """The brand's logo, or the room it would take on a page without one."""
        if not self.has_logo:
            return f'<span style="display:inline-block;height:{height}px"></span>'
        if on_first:
            drawn = self._drawn.logo(height, self.first, self.on_first, plain=True)
        else:
            # On dark ground, logos in dark colours are shown in one light colour.
            is_plain = self.card < "#7" and not is_light(self.first, 90)
            paper = self.card if on_card else self.bg
            drawn = self._drawn.logo(height, paper, self.ink, plain=is_plain)
        return drawn.replace('class="logo"', 'class="logo own"', 1)

    def bar(self, *items: str, height: int = 0) -> str:
        """A page's header: logo, then items."""
        tall = height or self.design.choice((48, 56, 64, 76))
        is_solid = self.brand.has_bar
        style = (
            f"background:{self.first};color:{self.on_first}"
            if is_solid
            else f"background:{self.card};border-bottom:1px solid {self.line}"
        )
        logo = self.logo(int(tall * self.design.choice((0.5, 0.6))), on_first=is_solid)
        shown = "" if self.is_phone else "".join(f"<span>{item}</span>" for item in items)
        return (
            f'<div class="bar r sp" style="height:{tall}px;{style}">{logo}'
            f'<span class="r">{shown or "&#9776;"}</span></div>'
        )

    def field(self, key: str, filled: str = "") -> str:
        """A form field with its label, above it or in it."""
        if self.brand.art % 3 == 0:
            return f'<span class="f" style="margin:12px 0">{filled or self.say[key]}</span>'
        return f'<label>{self.say[key]}</label><span class="f">{filled}</span>'

    def button(self, key: str, kind: str = "w") -> str:
        """A button."""
        own = f'<span class="b {kind}">{self.say[key]}</span>'
        if self.where != "buttons" or key not in {"sign_in", "next", "go_on", "verify"}:
            return own
        return own + "".join(self._sign_in_with(brand) for brand in self.others)

    def _sign_in_with(self, brand: MadeUp) -> str:
        is_solid = self.design.random() < 0.3
        paper = brand.first if is_solid else "#ffffff"
        ink = "#ffffff" if is_solid else "#222222"
        mark = brand.mark(paper, "#ffffff" if is_solid else None)
        return (
            f'<span class="f r" style="margin-top:10px;gap:10px;background:{paper};color:{ink}">'
            f'<span style="width:22px;height:22px">{mark}</span>{self.say["sign_in"]}: {brand.name}'
            "</span>"
        )

    def text(self, n_words: int) -> str:
        """Made-up words, as a sentence or several."""
        found: list[str] = []
        for i in range(n_words):
            word = "".join(self.words.choices(_SYLLABLES, k=self.words.randint(1, 4)))
            is_start = i == 0 or found[-1].endswith(".")
            ends = i == n_words - 1 or (self.words.random() < 0.09)
            found.append((word.capitalize() if is_start else word) + ("." if ends else ""))
        return " ".join(found)

    def title(self, n_words: int = 4) -> str:
        """Made-up words without a full stop."""
        return self.text(n_words).rstrip(".")

    def art(self, seed: int | None = None, colours: tuple[str, str] | None = None) -> str:
        """A picture in the brand's manner, as a CSS background."""
        rng = random.Random(self.brand.art if seed is None else seed)  # noqa: S311 - no secret
        one, two = colours or (self.first, self.second)
        kind, turn, wide = rng.randrange(5), rng.randrange(0, 180, 15), rng.choice((14, 30, 60))
        if kind == 0:
            return f"linear-gradient({turn}deg,{one},{two})"
        if kind == 1:
            return (
                f"repeating-linear-gradient({turn}deg,{one} 0 {wide}px,{two} {wide}px {2 * wide}px)"
            )
        spots = ",".join(
            f"radial-gradient(circle at {rng.randrange(100)}% {rng.randrange(100)}%,"
            f"{rng.choice((one, two, '#ffffff88'))} 0 {rng.randrange(5, 22)}%,transparent "
            f"{rng.randrange(22, 40)}%)"
            for _ in range(rng.randint(2, 5))
        )
        ground = one if kind in {2, 3} else f"linear-gradient({turn}deg,{one},{two})"
        return f"{spots},{ground}"

    def photo(self) -> str:
        """A picture of anything, as a CSS background."""
        rng = self.words
        colours = [f"hsl({rng.randrange(360)} {rng.randrange(15, 70)}% {rng.randrange(25, 80)}%)"
                   for _ in range(2)]  # fmt: skip
        return self.art(rng.getrandbits(30), (colours[0], colours[1]))

    def links(self) -> str:
        """A footer."""
        keys = self.words.sample(("help", "contact", "about", "account"), 3)
        said = " &nbsp;·&nbsp; ".join(self.say[key] for key in keys)
        return said + (self.strip(22) if self.where == "footer" else "")

    def strip(self, height: int) -> str:
        """The other brands' logos in a row."""
        is_plain = self.design.random() < 0.3
        logos = "".join(
            brand.logo(height, self.card, self.mute if is_plain else self.ink, plain=is_plain)
            for brand in self.others
        )
        return f'<div class="r" style="flex-wrap:wrap;gap:26px;padding:10px 0">{logos}</div>'
