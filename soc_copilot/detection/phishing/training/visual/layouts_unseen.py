"""Layouts that training never sees: those of the validation part, and those of the test part."""

from typing import Final

from soc_copilot.detection.phishing.training.visual.layouts import Layout
from soc_copilot.detection.phishing.training.visual.look import Look

# Validation


def login_background(look: Look) -> str:
    """A picture all over, a box floating on it."""
    d = look.design
    side = d.choice(("margin-left:8%", "margin-left:58%", "margin-left:33%"))
    if look.is_phone:
        side = "margin-left:4%"
    return look.page(
        f"<div style='background:{look.art()};min-height:100vh;"
        f"padding-top:{d.choice((50, 100))}px'>"
        f""
        f"<div class='c s' style='width:min(400px,92%);{side}'>{look.logo(d.choice((34, 46)))}"
        f"<p style='margin-top:16px'>{look.text(8)}</p>{look.field('user')}{look.field('password')}"
        f"{look.button('sign_in')}<p class=m style='margin-top:12px'>{look.links()}</p></div></div>"
    )


def shop_checkout(look: Look) -> str:
    """Steps of an order, the sum beside them."""
    n = look.words.randint(2, 4)
    items = "".join(
        f"<div class=r style='margin-bottom:12px'><div style='width:54px;height:54px;background:"
        f"{look.photo()}'></div><span style='flex:1'>{look.title(3)}</span><b>"
        f"{look.words.randint(4, 90)},00</b></div>"
        for _ in range(n)
    )
    steps = " &rsaquo; ".join(look.title(1) for _ in range(4))
    return look.page(
        f"<div style='text-align:center;padding:18px;border-bottom:1px solid {look.line}'>"
        f"{look.logo(40, on_card=False)}<p class=m style='margin:8px 0 0'>{steps}</p></div>"
        f"<div class=g style='max-width:960px;margin:24px auto;padding:0 18px;"
        f"grid-template-columns:"
        f"{'1fr' if look.is_phone else '3fr 2fr'}'><div class=c>{look.field('holder')}"
        f"{look.field('card')}{look.field('expiry')}{look.button('pay')}</div><div>{items}<h3>"
        f"{look.words.randint(20, 300)},00 &euro;</h3></div></div>"
    )


def document_wall(look: Look) -> str:
    """A blurred document with a box before it."""
    d = look.design
    lines = "".join(f"<p style='margin:0 60px 14px'>{look.text(26)}</p>" for _ in range(9))
    return look.page(
        f"<div style='filter:blur(4px);padding-top:40px;background:#fff;color:#333;"
        f"min-height:100vh'>"
        f"<h1 style='margin-left:60px'>{look.title(4)}</h1>{lines}</div><div class='c s' style="
        f"'position:absolute;top:{d.choice((70, 140))}px;left:0;right:0;margin:auto;"
        f"width:min(430px,92%)"
        f";text-align:center'>{look.logo(d.choice((36, 50)))}<h3 style='margin-top:16px'>"
        f"{look.say['verify']}</h3>"
        f"{look.field('user')}{look.field('password')}{look.button('go_on')}</div>"
    )


def support(look: Look) -> str:
    """A help centre."""
    tiles = "".join(
        f"<div class=c><b>{look.title(2)}</b><p class=m>{look.text(10)}</p></div>"
        for _ in range(3 if look.is_phone else 6)
    )
    return look.page(
        f"{look.bar(look.say['help'], look.say['contact'], look.say['sign_in'])}<div "
        f"style='text-align:"
        f"center;padding:40px 20px;background:{look.first}18'><h1>{look.say['help']}</h1><span "
        f"class=f "
        f"style='width:min(480px,90%);margin:auto;text-align:left'>{look.say['search']}</span>"
        f"</div>"
        f"<div "
        f"class=g style='padding:26px 60px;grid-template-columns:repeat("
        f"{1 if look.is_phone else 3},1fr)'>{tiles}</div>"
    )


def voucher(look: Look) -> str:
    """A prize, and a form to get it."""
    d = look.design
    return look.page(
        f"<div style='text-align:{d.choice(('left', 'center'))};padding:16px 24px'>"
        f"{look.logo(46, on_card=False)}</div><div style='background:{look.art()};padding:30px;"
        f"color:"
        f"#fff;text-align:center'><h1 style='font-size:40px'>{look.words.choice((50, 100, 500))} "
        f"&euro;"
        f"</h1><p>{look.text(10)}</p></div><div style='max-width:520px;margin:20px auto;padding:0 "
        f"16px'>"
        f"<p>{look.text(18)}</p>"
        f"{look.field('holder')}{look.field('user')}{look.button('go_on')}</div>"
    )


# Test


def login_steps(look: Look) -> str:
    """One field at a time, in a bordered box."""
    d = look.design
    return look.page(
        f"<div class=c style='width:min(450px,94%);margin:{d.choice((60, 100))}px auto 0;"
        f"padding:40px'>"
        f"{look.logo(d.choice((28, 38)))}<h2 style='margin-top:18px;font-weight:400'>"
        f"{look.say['sign_in']}</h2><p class=m>{look.text(6)}</p>{look.field('user')}<p "
        f"style='margin-top:"
        f"10px'><a>{look.say['forgot']}</a></p><div class='r sp'><a>{look.say['create']}</a>"
        f"{look.button('next', '')}</div></div><p class=m style='text-align:center;"
        f"margin-top:14px'>"
        f""
        f"{look.links()}</p>"
    )


def login_sidebar(look: Look) -> str:
    """A coloured column with the logo, tabs over the form."""
    d = look.design
    wide = d.choice((240, 320))
    logo = look.logo(40, on_first=True)
    side = (
        f"<div style='width:{wide}px;background:{look.first};color:{look.on_first};padding:34px "
        f"26px'>"
        f"{logo}<p style='margin-top:60px'>{look.text(14)}</p></div>"
    )
    if look.is_phone:
        side = f"<div style='background:{look.first};padding:22px'>{logo}</div>"
    tabs = "".join(
        f"<b style='padding:8px 16px;border-bottom:3px solid "
        f"{look.first if i == 0 else look.line}'>"
        f""
        f"{look.title(1)}</b>"
        for i in range(3)
    )
    return look.page(
        f"<div style='display:{'block' if look.is_phone else 'flex'};min-height:100vh'>{side}<div "
        f"style="
        f"'flex:1;padding:60px min(90px,6%)'><div>{tabs}</div><div style='max-width:430px;"
        f"margin-top:24px"
        f"'>{look.field('user')}{look.field('password')}{look.button('sign_in', '')}</div></div>"
        f"</div>"
    )


def parcel_fee(look: Look) -> str:
    """A narrow page: logo, what is due, a card form."""
    return look.page(
        f"<div style='width:min(460px,100%);margin:0 auto;background:{look.card};min-height:100vh;"
        f"padding:"
        f"0 22px'><div style='padding:20px 0;border-bottom:3px solid {look.first}'>"
        f"{look.logo(42)}</div>"
        f"<h3 style='margin-top:20px'>{look.say['track']}</h3><p>{look.text(18)}</p><div class='r "
        f"sp' "
        f"style='background:{look.first}18;padding:12px'><span>{look.title(2)}</span><b>"
        f"{look.words.randint(1, 4)},99 &euro;</b></div>{look.field('holder')}{look.field('card')}"
        f"{look.field('expiry')}{look.button('pay')}</div>"
    )


def code_entry(look: Look) -> str:
    """Six boxes for a code."""
    boxes = "".join(
        "<span class=f style='width:48px;height:56px;display:inline-block'></span>"
        for _ in range(6)
    )
    return look.page(
        f"{look.bar(look.say['help'])}<div style='max-width:480px;margin:50px auto;"
        f"text-align:center'>"
        f"<div style='width:80px;height:80px;border-radius:40px;margin:0 auto 20px;"
        f"background:{look.art()}"
        f"'></div><h2>{look.say['verify']}</h2><p class=m>{look.text(12)}</p><div class=r "
        f"style='gap:8px;"
        f"justify-content:center;margin:18px 0'>{boxes}</div>{look.button('go_on', '')}<p class=m "
        f"style="
        f"'margin-top:16px'>{look.text(7)}</p></div>"
    )


def telecom_bill(look: Look) -> str:
    """A bill, with the way to pay it."""
    bars = "".join(
        f"<div style='flex:1;background:{look.first if i == 5 else look.line};height:"
        f"{look.words.randint(20, 110)}px'></div>"
        for i in range(6)
    )
    return look.page(
        f"{look.bar(look.title(1), look.title(1), look.say['account'])}<div "
        f"style='background:{look.art()};"
        f"color:#fff;padding:26px 40px'><h1>{look.say['account']}</h1></div><div class=g "
        f"style='padding:"
        f"24px 40px;grid-template-columns:{'1fr' if look.is_phone else '1fr 1fr 1fr'}'><div "
        f"class=c>"
        f"<h3>"
        f"{look.title(2)}</h3><h1>{look.words.randint(9, 99)},90 &euro;</h1>"
        f"{look.button('pay')}</div><div "
        f"class=c><h3>{look.title(2)}</h3><div class=r style='align-items:flex-end;gap:8px'>"
        f"{bars}</div>"
        f"</div><div class=c><p>{look.text(30)}</p></div></div>"
    )


def social_login(look: Look) -> str:
    """A big logo and a promise at the left, the form at the right."""
    return look.page(
        f"<div class=g style='max-width:980px;margin:{look.design.choice((60, 110))}px auto;"
        f"padding:0 20px;"
        f"grid-template-columns:{'1fr' if look.is_phone else '1.2fr 1fr'};align-items:center'><div>"
        f"{look.logo(look.design.choice((56, 72)), on_card=False)}<p style='font-size:22px;"
        f"margin-top:16px'>"
        f"{look.text(12)}</p></div><div class='c s'>{look.field('user')}{look.field('password')}"
        f"{look.button('sign_in')}<p style='text-align:center;margin:14px 0'><a>"
        f"{look.say['forgot']}</a>"
        f"</p><hr style='border:0;border-top:1px solid {look.line}'><div style='text-align:center'>"
        f"{look.button('create', 'o')}</div></div></div>"
    )


def shop_product(look: Look) -> str:
    """One thing for sale."""
    return look.page(
        f"{look.bar(look.say['search'], look.say['account'])}<div class=g style='padding:26px 40px;"
        f"grid-template-columns:{'1fr' if look.is_phone else '1fr 1fr'}'><div style='height:380px;"
        f"background:{look.photo()}'></div><div><h1>{look.title(4)}</h1><p class=m>"
        f"{look.text(24)}</p>"
        f"<h2 style='color:{look.first}'>{look.words.randint(5, 300)},00 &euro;</h2>"
        f"{look.button('pay', '')}"
        f"<p style='margin-top:18px'>{look.text(30)}</p></div></div>"
    )


VALIDATION_LAYOUTS: Final[tuple[Layout, ...]] = (
    login_background, document_wall, shop_checkout, voucher, support,
)  # fmt: skip
TEST_LAYOUTS: Final[tuple[Layout, ...]] = (
    login_steps, login_sidebar, parcel_fee, code_entry, social_login, telecom_bill, shop_product,
)  # fmt: skip
