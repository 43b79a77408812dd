"""Pages put together at random: headers, forms, texts, pictures and marks in any order.

They teach where on a page its own logo stands, whatever the layout; nobody imitates them.
"""

from collections.abc import Callable
from typing import Final

from soc_copilot.detection.phishing.training.visual.look import Look

_HEADLESS: Final = 0.3  # all chosen: shares of pages
_LOGO_IN_MAIN: Final = 0.2
_BANNER: Final = 0.2


def free(look: Look) -> str:
    """One page; everything in it is drawn anew for each."""
    words = look.words
    look.bg = words.choice((look.bg, "#ffffff", "#f3f4f6", "#eef2f7", f"{look.second}18"))
    has_head = words.random() >= _HEADLESS
    is_logo_in_main = not has_head or words.random() < _LOGO_IN_MAIN
    head = words.choice(_HEADS)(look) if has_head else ""
    blocks = [words.choice(_BLOCKS)(look) for _ in range(words.randint(1, 4))]
    main = _main(look, is_logo_in_main=is_logo_in_main)
    blocks.insert(words.choice((0, 0, 0, len(blocks))), main)
    banner = ""
    if words.random() < _BANNER:
        paper = words.choice((look.first, look.second, "#fff3cd", "#222831", "#e7f1ff"))
        banner = (
            f"<div style='background:{paper};padding:{words.randint(6, 16)}px 30px;"
            f"color:{words.choice(('#fff', '#222'))}'>{look.text(9)}</div>"
        )
    foot = f"<footer class=m>{look.links()}</footer>" if words.random() < 0.5 else ""
    return look.page(f"{banner}{head}{''.join(blocks)}{foot}")


def _own(look: Look, *, on_first: bool = False, on_card: bool = True) -> str:
    return look.logo(look.words.randint(18, 60), on_first=on_first, on_card=on_card)


def _items(look: Look) -> str:
    words = look.words
    n = 0 if look.is_phone else words.randint(0, 6)
    made = [look.title(words.randint(1, 2)) for _ in range(n)]
    if made and words.random() < 0.4:
        made[-1] = f"<span class=b style='margin:0'>{look.say['sign_in']}</span>"
    if words.random() < 0.2:
        made.append(
            f"<span style='display:inline-block;width:34px;height:34px;border-radius:17px;"
            f"background:{look.photo()}'></span>"
        )
    return "".join(f"<span>{item}</span>" for item in made) or "&#9776;"


def _head_bar(look: Look) -> str:
    words = look.words
    kind = words.choice(("first", "card", "bg", "dark"))
    paper = {"first": look.first, "card": look.card, "bg": look.bg, "dark": "#14171c"}[kind]
    ink = {"first": look.on_first, "dark": "#f0f0f0"}.get(kind, look.ink)
    kept = look.card, look.ink
    look.card, look.ink = paper, ink
    logo = _own(look, on_first=kind == "first")
    look.card, look.ink = kept
    side = words.choice(("space-between", "space-between", "center", "flex-start"))
    turned = "row-reverse" if words.random() < 0.1 else "row"
    return (
        f"<div class=r style='background:{paper};color:{ink};justify-content:{side};"
        f"flex-direction:{turned};padding:{words.randint(4, 26)}px {words.randint(8, 90)}px;"
        f"border-bottom:{words.choice((0, 0, 1, 4))}px solid {look.line}'>{logo}"
        f"<span class=r>{_items(look)}</span></div>"
    )


def _head_double(look: Look) -> str:
    words = look.words
    items = "".join(f"<span>{look.title(1)}</span>" for _ in range(words.randint(3, 7)))
    small = f"<div class='r bar m' style='justify-content:flex-end;height:30px'>{items}</div>"
    below = (
        f"<div class='r bar' style='background:{look.first};color:{look.on_first};height:40px'>"
        f"{items}</div>"
    )
    side = words.choice(("center", "left"))
    middle = f"<div class=bar style='padding:14px 40px;text-align:{side}'>"
    middle += f"{_own(look, on_card=False)}</div>"
    return words.choice((small + middle, middle + below, small + middle + below))


def _head_narrow(look: Look) -> str:
    words = look.words
    wide = words.choice((640, 820, 960, 1100))
    return (
        f"<div class='r sp' style='max-width:{wide}px;margin:{words.randint(0, 40)}px auto;"
        f"padding:10px 16px'>{_own(look, on_card=False)}<span class=r>{_items(look)}</span></div>"
    )


_HEADS: Final[tuple[Callable[[Look], str], ...]] = (
    _head_bar, _head_bar, _head_double, _head_narrow,
)  # fmt: skip


def _main(look: Look, *, is_logo_in_main: bool) -> str:
    words = look.words
    align = words.choice(("left", "center", "center"))
    logo = ""
    if is_logo_in_main:
        logo = (
            f"<div style='text-align:{align};margin:{words.randint(0, 26)}px 0 "
            f"{words.randint(6, 30)}px'>{_own(look, on_card=False)}</div>"
        )
    kind = words.choice(("card", "card", "wide", "hero", "sides"))
    if kind == "hero":
        return (
            f"<div style='background:{look.photo()};padding:{words.randint(30, 110)}px 40px;"
            f"text-align:{align};color:#fff'><h1 style='font-size:{words.randint(24, 54)}px'>"
            f"{look.title(words.randint(1, 6))}</h1><p>{look.text(14)}</p>"
            f"{look.button('create', '')}</div>"
        )
    fields = "".join(
        look.field(words.choice(("user", "password", "card", "expiry", "holder")))
        for _ in range(words.randint(1, 4))
    )
    form = (
        f"<h2 style='font-size:{words.randint(16, 32)}px;text-align:{align}'>"
        f"{look.say[words.choice(('sign_in', 'verify', 'pay', 'account'))]}</h2>"
        f"<p class=m>{look.text(words.randint(4, 20))}</p>{fields}"
        f"{look.button(words.choice(('sign_in', 'next', 'go_on', 'verify')))}"
    )
    edge = words.choice(("c", "c s", ""))
    wide = 600 if kind == "wide" else words.randint(320, 480)
    inside = words.random() < 0.5
    box = (
        f"<div style='width:min({wide}px,94%);margin:{words.randint(10, 90)}px auto'>"
        f"{'' if inside else logo}<div class='{edge}'>{logo if inside else ''}{form}</div></div>"
    )
    if kind != "sides" or look.is_phone:
        return box
    picture = f"<div style='flex:{words.uniform(0.5, 1.5):.2f};background:{look.photo()}'></div>"
    both = [picture, f"<div style='flex:1;padding:10px 30px'>{box}</div>"]
    words.shuffle(both)
    return f"<div style='display:flex;min-height:{words.randint(300, 800)}px'>{''.join(both)}</div>"


def _tiles(look: Look) -> str:
    words = look.words
    n = 1 if look.is_phone else words.randint(2, 5)
    made = "".join(
        f"<div class=c style='padding:12px'><div style='height:{words.randint(30, 130)}px;"
        f"background:{look.photo()}'></div><h3>{look.title(words.randint(1, 4))}</h3>"
        f"<p class=m>{look.text(10)}</p></div>"
        for _ in range(n)
    )
    return (
        f"<div class=g style='padding:20px 40px;grid-template-columns:repeat({n},1fr)'>{made}</div>"
    )


def _prose(look: Look) -> str:
    words = look.words
    size = words.randint(18, 40)
    return (
        f"<div style='max-width:{words.randint(500, 1100)}px;margin:24px auto;padding:0 20px'>"
        f"<h1 style='font-size:{size}px;color:{words.choice((look.ink, look.first, look.second))}'>"
        f"{look.title(words.randint(1, 7))}</h1><p>{look.text(50)}</p><p>{look.text(30)}</p></div>"
    )


def _rows(look: Look) -> str:
    words = look.words
    made = "".join(
        f"<div class='r sp' style='padding:9px 0;border-bottom:1px solid {look.line}'>"
        f"<b>{look.title(2)}</b><span>{look.title(3)}</span><b>{words.randint(1, 999)}</b></div>"
        for _ in range(words.randint(3, 9))
    )
    return f"<div style='padding:10px {words.randint(20, 160)}px'>{made}</div>"


def _icons(look: Look) -> str:
    words = look.words
    side = words.randint(30, 80)
    radius = words.choice((0, 8, side // 2))
    made = "".join(
        f"<div style='text-align:center'><div style='width:{side}px;height:{side}px;margin:auto;"
        f"border-radius:{radius}px;background:{look.photo()}'></div><b>{look.title(1)}</b></div>"
        for _ in range(words.randint(3, 7))
    )
    return f"<div class=r style='justify-content:space-around;padding:18px 40px'>{made}</div>"


def _marks(look: Look) -> str:
    words = look.words
    if not look.others:
        return _prose(look)
    head = words.choice((f"<h2>{look.title(3)}</h2>", f"<p class=m>{look.title(4)}</p>", ""))
    side = words.choice(("center", "left"))
    return (
        f"<div style='padding:16px 40px;text-align:{side}'>{head}"
        f"{look.strip(words.randint(16, 56))}</div>"
    )


_BLOCKS: Final[tuple[Callable[[Look], str], ...]] = (_tiles, _prose, _rows, _icons, _marks, _marks)
