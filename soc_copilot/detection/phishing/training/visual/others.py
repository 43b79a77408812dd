"""Layouts of pages that imitate nobody: news, forums, lists of partners, and the like."""

from typing import Final

from soc_copilot.detection.phishing.training.visual.layouts import Layout
from soc_copilot.detection.phishing.training.visual.look import Look


def _columns(look: Look, n: int) -> str:
    return f"grid-template-columns:repeat({1 if look.is_phone else n},1fr)"


def news(look: Look) -> str:
    """A newspaper's front page."""
    items = "".join(
        f"<div><div style='height:{look.words.choice((70, 120))}px;background:{look.photo()}'>"
        f"</div>"
        f""
        f"<h3>{look.title(7)}</h3><p class=m>{look.text(22)}</p></div>"
        for _ in range(6)
    )
    return look.page(
        f"{look.bar(*(look.title(1) for _ in range(5)))}<div class=g style='padding:22px 40px;"
        f"{_columns(look, 3)}'>{items}</div>"
    )


def article(look: Look) -> str:
    """A long text with a picture; the other brands' marks in it."""
    shown = (
        f"<div style='background:{look.bg};padding:26px;border:1px solid {look.line}'>"
        f"{look.strip(look.design.choice((40, 64)))}</div>"
        if look.others
        else f"<div style='height:240px;background:{look.photo()}'></div>"
    )
    return look.page(
        f"{look.bar(look.title(1), look.title(1))}<div style='max-width:680px;margin:30px auto;"
        f"padding:0 "
        f"18px'><h1>{look.title(8)}</h1><p class=m>{look.title(3)}</p>{shown}<br>"
        + "".join(f"<p>{look.text(60)}</p>" for _ in range(4))
        + "</div>"
    )


def forum(look: Look) -> str:
    """Threads with their authors."""
    rows = "".join(
        f"<div class='c r' style='padding:12px;margin-bottom:8px'><div style='width:40px;"
        f"height:40px;"
        f"border-radius:20px;background:{look.photo()}'></div><div style='flex:1'><b>"
        f"{look.title(7)}</b>"
        f"<p class=m style='margin:0'>{look.text(9)}</p></div><b>{look.words.randint(0, 400)}</b>"
        f"</div>"
        for _ in range(9)
    )
    return look.page(
        f"{look.bar(look.say['search'], look.say['sign_in'])}<div style='max-width:860px;"
        f"margin:20px auto;"
        f"padding:0 14px'>{rows}</div>"
    )


def manual(look: Look) -> str:
    """Documentation: contents at the left, text and code."""
    side = "" if look.is_phone else (
        "<div style='width:230px;padding:20px'>"
        + "".join(f"<p>{look.title(2)}</p>" for _ in range(12)) + "</div>"
    )  # fmt: skip
    parts = "".join(
        f"<h2>{look.title(4)}</h2><p>{look.text(40)}</p><div style='background:#282c34;"
        f"color:#abb2bf;"
        f"padding:14px;font:13px monospace;margin-bottom:14px'>{look.text(14)}<br>"
        f"{look.text(9)}</div>"
        for _ in range(3)
    )
    return look.page(
        f"{look.bar(look.say['search'])}<div style='display:flex'>{side}<div style='flex:1;"
        f"padding:26px'>"
        f"{parts}</div></div>"
    )


def partners(look: Look) -> str:
    """A company's partners, each with its logo."""
    tiles = "".join(
        f"<div class=c style='display:flex;align-items:center;justify-content:center;height:96px'>"
        f"{brand.logo(look.design.choice((26, 34)), look.card, look.ink)}</div>"
        for brand in look.others
    )
    return look.page(
        f"{look.bar(look.title(1), look.title(1), look.say['about'])}<div style='text-align:center;"
        f"padding:"
        f"30px'><h1>{look.title(4)}</h1><p>{look.text(16)}</p></div><div class=g style='padding:0 "
        f"50px;"
        f"{_columns(look, 4)}'>{tiles}</div>"
    )


def landing(look: Look) -> str:
    """A young company's page: a promise, and who uses it."""
    return look.page(
        f"{look.bar(look.title(1), look.say['sign_in'])}<div style='padding:60px 40px;text-align:"
        f"{look.design.choice(('center', 'left'))}'><h1 style='font-size:42px'>{look.title(6)}</h1>"
        f"<p>"
        f"{look.text(20)}</p>{look.button('create', '')}<p class=m style='margin-top:40px'>"
        f"{look.title(3)}"
        f"</p>{look.strip(look.design.choice((22, 30)))}</div><div style='height:200px;background:"
        f"{look.photo()}'></div>"
    )


def wiki(look: Look) -> str:
    """An encyclopaedia's article; a mark in the box at its side."""
    mark = (
        look.others[0].logo(44, "#f8f9fa", "#202122")
        if look.others
        else f"<div style='height:120px;background:{look.photo()}'></div>"
    )
    facts = "".join(f"<p class=m>{look.title(2)}: {look.title(2)}</p>" for _ in range(6))
    return look.page(
        f"<div style='display:flex;background:#fff;color:#202122;min-height:100vh'><div "
        f"style='width:"
        f"{0 if look.is_phone else 150}px;overflow:hidden;background:#f6f6f6'>{look.text(20)}</div>"
        f"<div "
        f"style='flex:1;padding:24px'><h1 style='font-family:serif;font-weight:400'>"
        f"{look.title(2)}</h1>"
        f"<div style='float:right;width:220px;border:1px solid #a2a9b1;background:#f8f9fa;"
        f"padding:12px;"
        f"margin:0 0 12px 18px'>{mark}{facts}</div>"
        + "".join(f"<p>{look.text(70)}</p>" for _ in range(4))
        + "</div></div>"
    )


def directory(look: Look) -> str:
    """A list of companies with their logos and a few words."""
    entries = look.others or (look.brand,) * 4
    rows = "".join(
        f"<div class='r' style='padding:14px 0;border-bottom:1px solid {look.line}'><div "
        f"style='width:"
        f"190px;overflow:hidden'>{brand.logo(30, look.bg, look.ink)}</div><div style='flex:1'><b>"
        f"{look.title(3)}</b><p class=m style='margin:0'>{look.text(14)}</p></div><span>&#9733; "
        f"{look.words.randint(1, 5)}</span></div>"
        for brand in entries
    )
    return look.page(
        f"{look.bar(look.say['search'])}<div style='max-width:820px;margin:20px auto;padding:0 "
        f"16px'><h2>"
        f"{look.title(4)}</h2>{rows}</div>"
    )


def results(look: Look) -> str:
    """What a search found."""
    rows = "".join(
        f"<div style='margin-bottom:20px'><span class=m>{look.title(2)}</span><h3 "
        f"style='color:#1a0dab;"
        f"margin:0'>{look.title(6)}</h3><span>{look.text(22)}</span></div>"
        for _ in range(7)
    )
    return look.page(
        f"<div class=r style='padding:20px 40px'>{look.logo(32, on_card=False)}<span class=f "
        f"style='width:"
        f"480px;border-radius:20px'>{look.title(2)}</span></div><div style='padding:10px 40px;"
        f"max-width:"
        f"760px'>{rows}</div>"
    )


def compare(look: Look) -> str:
    """A table that sets services side by side under their logos."""
    shown = look.others[:4] or (look.brand,) * 3
    heads = "".join(f"<div>{brand.logo(28, look.card, look.ink)}</div>" for brand in shown)
    cells = "".join(
        f"<div class=m>{look.words.choice(('&#10003;', '&#10007;', look.title(1)))}</div>"
        for _ in range(7 * len(shown))
    )
    n = f"grid-template-columns:repeat({len(shown)},1fr)"
    return look.page(
        f"{look.bar(look.title(1), look.title(1))}<div style='max-width:1000px;margin:24px auto'>"
        f"<h1>"
        f"{look.title(5)}</h1><div class='c g' style='{n};align-items:center'>{heads}{cells}</div>"
        f"<p>"
        f"{look.text(40)}</p></div>"
    )


def app_list(look: Look) -> str:
    """A store: tiles with marks and names."""
    tiles = "".join(
        f"<div style='text-align:center'><div style='width:84px;height:84px;margin:auto;"
        f"padding:12px;"
        f"border-radius:20px;background:#fff;border:1px solid {look.line}'>{brand.mark()}</div><b>"
        f"{brand.name}</b><p class=m>&#9733; {look.words.randint(1, 5)}</p></div>"
        for brand in look.others or (look.brand,) * 8
    )
    return look.page(
        f"{look.bar(look.say['search'], look.say['account'])}<div style='margin:20px 40px;"
        f"height:150px;"
        f"background:{look.photo()};border-radius:14px'></div><div class=g style='padding:0 40px;"
        f"grid-template-columns:repeat({3 if look.is_phone else 6},1fr)'>{tiles}</div>"
    )


def recipe(look: Look) -> str:
    """A picture, a list of things, steps."""
    steps = "".join(f"<p>{i + 1}. {look.text(24)}</p>" for i in range(5))
    list_ = "".join(f"<p class=m>&#9744; {look.title(3)}</p>" for _ in range(8))
    return look.page(
        f"{look.bar(look.title(1))}<div style='height:230px;background:{look.photo()}'></div><div "
        f"class=g "
        f"style='padding:24px 60px;grid-template-columns:{'1fr' if look.is_phone else '1fr 2fr'}'>"
        f"<div "
        f"class=c>{list_}</div><div><h1>{look.title(3)}</h1>{steps}</div></div>"
    )


def dashboard(look: Look) -> str:
    """Numbers and bars, as in any tool for work."""
    cards = "".join(
        f"<div class=c><span class=m>{look.title(2)}</span><h1>{look.words.randint(10, 9999)}</h1>"
        f"<div "
        f"class=r style='gap:4px;align-items:flex-end;height:60px'>"
        + "".join(
            f"<div style='flex:1;background:{look.first};height:{look.words.randint(6, 60)}px'>"
            f"</div>"
            for _ in range(12)
        )
        + "</div></div>"
        for _ in range(6)
    )
    return look.page(
        f"{look.bar(look.say['account'])}<div class=g style='padding:22px 30px;"
        f"{_columns(look, 3)}'>"
        f"{cards}"
        "</div>"
    )


UNRELATED: Final[dict[str, tuple[Layout, ...]]] = {
    "train": (news, article, forum, manual, landing),
    "validation": (wiki, results),
    "test": (recipe, dashboard, app_list),
}
"""Shown without other brands' marks."""
SHOWING: Final[dict[str, tuple[Layout, ...]]] = {
    "train": (partners, article, landing),
    "validation": (wiki, directory),
    "test": (compare, app_list),
}
"""Shown with other brands' marks."""
