"""Layouts that brands' pages and their imitations are drawn in."""

from collections.abc import Callable
from typing import Final

from soc_copilot.detection.phishing.training.visual.look import Look

Layout = Callable[[Look], str]


def login_centered(look: Look) -> str:
    """A box in the middle, the logo above or in it."""
    d = look.design
    logo, inside, wide = (
        look.logo(d.choice((32, 44, 56)), on_card=False),
        d.random() < 0.5,
        d.choice((360, 400, 440)),
    )
    align = d.choice(("center", "left"))
    head = f'<div style="text-align:{align};margin-bottom:22px">{logo}</div>'
    form = (
        f"<h2>{look.say['sign_in']}</h2>{look.field('user')}{look.field('password')}"
        f"{look.button('sign_in')}<p class=m style='margin-top:14px'><a>{look.say['forgot']}</a>"
        f"</p>"
        f""
    )
    kind = d.choice(("c", "c s"))
    return look.page(
        f'<div style="width:min({wide}px,92%);margin:{d.choice((40, 80, 110))}px auto 0">'
        f'{"" if inside else head}<div class="{kind}">{head if inside else ""}{form}</div></div>'
        f"<footer class=m>{look.links()}</footer>"
    )


def login_split(look: Look) -> str:
    """A picture on one side, the form on the other."""
    d = look.design
    art = f'<div style="flex:{d.choice((1, 1.3))};background:{look.art()}"></div>'
    form = (
        f'<div style="flex:1;background:{look.card};padding:{d.choice((40, 70))}px">'
        f"{look.logo(d.choice((30, 40)))}<h1 style='margin-top:{d.choice((30, 80))}px'>"
        f"{look.say['sign_in']}</h1><p class=m>{look.text(9)}</p>{look.field('user')}"
        f"{look.field('password')}{look.button('sign_in', d.choice(('w', '')))}"
        f"<p style='margin-top:18px'><a>{look.say['create']}</a></p></div>"
    )
    if look.is_phone:
        return look.page(f'<div style="height:120px;background:{look.art()}"></div>{form}')
    sides = (art, form) if d.random() < 0.5 else (form, art)
    return look.page(f'<div style="display:flex;min-height:100vh">{"".join(sides)}</div>')


def login_topbar(look: Look) -> str:
    """The site's header, a narrow form below it."""
    d = look.design
    return look.page(
        f"{look.bar(look.say['help'], look.say['contact'])}<div class=g style='max-width:900px;"
        f"margin:{d.choice((30, 60))}px auto;padding:0 24px;grid-template-columns:"
        f"{'1fr' if look.is_phone else d.choice(('1fr 1fr', '420px 1fr'))}'><div class=c><h2>"
        f"{look.say['account']}</h2>{look.field('user')}{look.field('password')}"
        f"{look.button('next')}</div><div><h3>{look.title()}</h3><p class=m>{look.text(40)}</p>"
        f"<p class=m>{look.text(25)}</p></div></div><footer class=m>{look.links()}</footer>"
    )


def bank_portal(look: Look) -> str:
    """A bank's front page with the way in at its side."""
    d = look.design
    login = (
        f"<div class='c s' style='width:290px'><h3>{look.say['sign_in']}</h3>{look.field('user')}"
        f"{look.field('password')}{look.button('go_on')}</div>"
    )
    hero = (
        f"<div style='flex:1;color:#fff;padding:20px'><h1>{look.title(5)}</h1>"
        f"<p>{look.text(14)}</p></div>"
    )
    sides = (hero, login) if d.random() < 0.6 else (login, hero)
    tiles = "".join(
        f"<div class=c style='padding:16px'><div style='height:46px;background:{look.art()};"
        f"margin-bottom:10px'></div><b>{look.title(3)}</b><p class=m>{look.text(9)}</p></div>"
        for _ in range(1 if look.is_phone else d.choice((3, 4)))
    )
    return look.page(
        f"{look.bar(look.title(1), look.title(1), look.title(1), look.say['sign_in'])}"
        f"<div class=r style='background:{look.art()};padding:34px 40px;"
        f"flex-wrap:{'wrap' if look.is_phone else 'nowrap'}'>{''.join(sides)}</div>"
        f"<div class=g style='grid-auto-flow:column;padding:22px 40px'>{tiles}</div>"
    )


def bank_account(look: Look) -> str:
    """Behind a bank's login: accounts and movements."""
    rows = "".join(
        f"<div class='r sp' style='border-bottom:1px solid {look.line};padding:11px 0'><span>"
        f"{look.title(3)}</span><b>"
        f"{look.words.randint(-900, 3000)},{look.words.randint(10, 99)}</b>"
        f"</div>"
        for _ in range(9)
    )
    side = "" if look.is_phone else (
        f"<div class=c><b>{look.title(2)}</b><h1 style='color:{look.first}'>"
        f"{look.words.randint(200, 9000)},00</h1>{look.button('pay')}</div>"
    )  # fmt: skip
    return look.page(
        f"{look.bar(look.title(1), look.title(1), look.say['log_out'])}<div class=g style='padding:"
        f"24px 40px;grid-template-columns:{'1fr' if look.is_phone else '2fr 1fr'}'><div class=c>"
        f"<h2>{look.say['account']}</h2>{rows}</div>{side}</div>"
    )


def shop_home(look: Look) -> str:
    """A shop's front page."""
    d = look.design
    n = 2 if look.is_phone else d.choice((4, 5))
    items = "".join(
        f"<div class=c style='padding:10px'><div style='height:110px;background:{look.photo()}'>"
        f"</div>"
        f"<p class=m>{look.title(4)}</p><b>{look.words.randint(3, 200)},99</b></div>"
        for _ in range(2 * n)
    )
    search = f"<span class=f style='width:320px;height:36px'>{look.say['search']}</span>"
    return look.page(
        f"{look.bar(search, look.say['account'])}<div style='height:{d.choice((120, 190))}px;"
        f"background:{look.art()};padding:26px 40px;color:#fff'><h1>{look.title(4)}</h1></div>"
        f"<div class=g style='padding:20px 30px;grid-template-columns:repeat({n},1fr)'>"
        f"{items}</div>"
        f""
    )


def webmail_login(look: Look) -> str:
    """A plain form at the left, news at the right."""
    d = look.design
    news = "" if look.is_phone else "".join(
        f"<div class=r style='margin-bottom:14px'><div style='width:90px;height:60px;background:"
        f"{look.photo()}'></div><div><b>{look.title(6)}</b><p class=m>{look.text(12)}</p></div>"
        f"</div>"
        for _ in range(4)
    )  # fmt: skip
    return look.page(
        f"<div style='padding:22px 40px'>{look.logo(d.choice((36, 48)), on_card=False)}</div><div "
        f"class=g style='padding:0 40px;"
        f"grid-template-columns:{'1fr' if look.is_phone else '360px 1fr'};"
        f"gap:50px'><div><div class=c style='border-top:4px solid {look.first}'>"
        f"{look.field('user')}"
        f"{look.field('password')}<p class=m style='margin-top:10px'>&#9745; {look.title(3)}</p>"
        f"{look.button('sign_in', '')}</div></div><div>{news}</div></div>"
    )


def webmail_inbox(look: Look) -> str:
    """A mailbox."""
    rows = "".join(
        f"<div class=r style='border-bottom:1px solid {look.line};padding:9px 14px;background:"
        f"{look.card}'><b style='width:150px'>{look.title(2)}</b><span>{look.title(7)}</span></div>"
        for _ in range(16)
    )
    side = "" if look.is_phone else (
        f"<div style='width:200px;padding:16px'>{look.button('create')}"
        + "".join(f"<p style='margin-top:12px'>{look.title(1)}</p>" for _ in range(7)) + "</div>"
    )  # fmt: skip
    return look.page(
        f"{look.bar(look.say['search'], look.say['account'])}<div style='display:flex'>{side}"
        f"<div style='flex:1'>{rows}</div></div>"
    )


def parcel_track(look: Look) -> str:
    """Where a parcel is, and a fee to be paid."""
    d = look.design
    n = d.choice((4, 5))
    at = look.words.randint(1, n - 1)
    dots = "".join(
        f"<div style='flex:1;text-align:center'><div style='height:8px;background:"
        f"{look.first if i <= at else look.line}'></div><p class=m>{look.title(1)}</p></div>"
        for i in range(n)
    )
    return look.page(
        f"{look.bar(look.say['track'], look.say['help'], look.say['contact'])}<div "
        f"style='background:"
        f"{look.art()};height:{d.choice((60, 110))}px'></div><div style='max-width:760px;"
        f"margin:-30px "
        f"auto 0;padding:0 16px'><div class='c s'><h2>{look.say['track']}: "
        f"{look.words.randint(10**9, 10**10)}</h2><div class=r style='gap:4px'>{dots}</div><p>"
        f"{look.text(22)}</p>{look.field('user')}{look.button('go_on', d.choice(('w', '')))}</div>"
        f"</div>"
    )


def cloud_share(look: Look) -> str:
    """Somebody shared a file."""
    d = look.design
    size = d.choice((90, 140))
    return look.page(
        f"<div style='background:{look.first if d.random() < 0.3 else 'transparent'};padding:14px "
        f"28px'>"
        f"{look.logo(d.choice((28, 36)), on_card=False)}</div><div class=c "
        f"style='width:min(520px,94%);"
        f"margin:{d.choice((30, 70))}px auto;text-align:center'><div style='width:{size}px;height:"
        f"{int(size * 1.25)}px;margin:0 auto 18px;background:{look.art()};border-radius:6px'></div>"
        f"<h2>"
        f"{look.title(2)}.pdf</h2><p class=m>{look.text(14)}</p>{look.field('user')}"
        f"{look.button('go_on')}<p style='margin-top:10px'><a>{look.say['help']}</a></p></div>"
    )


def payment_card(look: Look) -> str:
    """A card's number is asked for, beside what is to be paid."""
    d = look.design
    form = (
        f"<div class=c><h2>{look.say['pay']}</h2>{look.field('card')}<div class=r><div "
        f"style='flex:1'>"
        f"{look.field('expiry')}</div><div style='flex:1'>{look.field('holder')}</div></div>"
        f"{look.button('pay')}</div>"
    )
    total = look.words.randint(2, 400)
    sum_ = (
        f"<div style='padding:20px'>{look.logo(d.choice((30, 44)), on_card=False)}<p class=m style="
        f"'margin-top:30px'>{look.title(3)}</p><h1>{total},50 &euro;</h1><p>{look.text(12)}</p>"
        f"</div>"
    )
    sides = (sum_, form) if d.random() < 0.7 or look.is_phone else (form, sum_)
    return look.page(
        f"<div class=g style='max-width:900px;margin:{d.choice((24, 60))}px auto;padding:0 20px;"
        f"grid-template-columns:{'1fr' if look.is_phone else '1fr 1fr'}'>{''.join(sides)}</div>"
    )


def account_notice(look: Look) -> str:
    """A warning, details, and one button."""
    d = look.design
    rows = "".join(
        f"<div class='r sp' style='padding:8px 0;border-bottom:1px solid {look.line}'><span "
        f"class=m>"
        f""
        f"{look.title(2)}</span><span>{look.title(2)}</span></div>"
        for _ in range(4)
    )
    return look.page(
        f"{look.bar(look.say['help'], look.say['log_out'])}<div "
        f"style='max-width:{d.choice((620, 760))}px;"
        f"margin:28px auto;padding:0 18px'><div "
        f"style='background:{d.choice(('#fff3cd', '#fde2e1'))};"
        f"color:#5b4300;padding:14px 18px;margin-bottom:18px;border-radius:{look.brand.radius}px'>"
        f"<b>"
        f"{look.say['verify']}</b><br>{look.text(12)}</div><div class=c><h2>"
        f"{look.say['verify']}</h2><p>"
        f"{look.text(26)}</p>{rows}{look.button('verify', '')}</div></div>"
    )


def streaming(look: Look) -> str:
    """Rows of pictures on dark, a big invitation."""
    look.bg, look.ink, look.card, look.mute = "#0d0f14", "#f2f2f2", "#0d0f14", "#a0a5ad"
    rows = "".join(
        f"<div style='flex:0 0 150px;height:{look.design.choice((90, 200))}px;"
        f"background:{look.photo()};"
        f"border-radius:{look.brand.radius}px'></div>"
        for _ in range(8)
    )
    return look.page(
        f"<div class='r sp' style='padding:18px 34px'>{look.logo(38)}<span class=b "
        f"style='margin:0'>"
        f""
        f"{look.say['sign_in']}</span></div><div style='padding:50px 34px;text-align:"
        f"{look.design.choice(('center', 'left'))}'><h1 style='font-size:44px'>{look.title(4)}</h1>"
        f"<p>"
        f"{look.text(12)}</p><span class=b>{look.say['create']}</span></div><div class=r "
        f"style='padding:"
        f"0 34px;overflow:hidden'>{rows}</div>"
    )


TRAIN_LAYOUTS: Final[tuple[Layout, ...]] = (
    login_centered, login_split, login_topbar, bank_portal, webmail_login, parcel_track,
    cloud_share, payment_card, account_notice, bank_account, shop_home, webmail_inbox, streaming,
)  # fmt: skip
"""The last four are pages that nobody imitates: an account, a shop window, a mailbox, films."""
