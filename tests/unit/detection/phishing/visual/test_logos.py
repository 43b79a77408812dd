import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageOps

from soc_copilot.detection.phishing.visual.logos import (
    TALL,
    WIDE,
    LogoNet,
    embed_logos,
    parts_of,
    snapped,
    to_ink,
)
from tests.unit.detection.phishing.visual.pages import LOGO_SHAPE

BOX = (100.0, 40.0, 181.0, 61.0)


def page(ink: str = "#204080", paper: str = "white") -> Image.Image:
    picture = Image.new("RGB", (400, 200), paper)
    draw = ImageDraw.Draw(picture)
    draw.ellipse((100, 40, 120, 60), fill=ink)
    draw.rectangle((130, 44, 180, 56), fill=ink)
    return picture


def test_a_logo_is_ink_on_ground_whatever_its_colours() -> None:
    first = to_ink(page(), BOX)
    assert first.shape == (TALL, WIDE)
    assert first.max() == 255
    for other in (page("#c03030"), page("white", "#101418"), ImageOps.invert(page())):
        assert np.abs(to_ink(other, BOX).astype(int) - first).mean() < 4


def test_it_is_cut_close_and_fills_its_room() -> None:
    close, loose = to_ink(page(), BOX), to_ink(page(), (90.0, 34.0, 190.0, 66.0))
    assert np.abs(close.astype(int) - loose).mean() < 4
    columns = np.flatnonzero(close.max(axis=0) > 100)
    assert columns[0] == 0
    assert columns[-1] == pytest.approx(80 / 20 * TALL, abs=8)
    wide = Image.new("RGB", (900, 60), "white")
    ImageDraw.Draw(wide).rectangle((10, 20, 890, 40), fill="black")
    rows = np.flatnonzero(to_ink(wide, (0, 10, 900, 50)).max(axis=1) > 100)
    assert len(rows) < TALL // 2  # too wide to be as tall as the room


def test_a_mark_and_a_word_are_told_apart() -> None:
    whole, mark, word = parts_of(to_ink(page(), BOX))
    assert whole is not mark
    ys, xs = np.nonzero(mark > 100)
    assert xs.max() == pytest.approx(TALL, abs=3)  # a circle
    ys, xs = np.nonzero(word > 100)
    assert xs.max() / (ys.max() - ys.min() + 1) == pytest.approx(50 / 12, abs=0.6)
    assert mark.shape == word.shape == (TALL, WIDE)


def test_what_is_all_mark_or_all_word_stays_whole() -> None:
    circle = to_ink(page(), (100, 40, 120, 60))
    assert len(parts_of(circle)) == 1
    bar = to_ink(page(), (130, 44, 180, 56))
    assert len(parts_of(bar)) == 1
    assert len(parts_of(np.zeros((TALL, WIDE), np.uint8))) == 1


@pytest.mark.parametrize(
    "box", [(0, 0, 2, 2), (399, 100, 500, 200), (-50, -50, 3, 3), (200, 100, 300, 150)]
)
def test_where_nothing_is_there_is_no_ink(box: tuple[float, float, float, float]) -> None:
    assert not to_ink(page(), box).any()


@pytest.mark.parametrize(
    "box",
    [(100, 40, 180, 60), (108, 43, 168, 58), (92, 34, 195, 66), (125, 38, 175, 62)],
)
def test_a_rough_box_is_drawn_anew_around_the_logo(box: tuple[float, ...]) -> None:
    picture = page()
    ImageDraw.Draw(picture).rectangle((230, 44, 260, 56), fill="black")  # something else
    found = snapped(picture, box)  # type: ignore[arg-type]  # four numbers
    assert found == pytest.approx((100, 40, 181, 61), abs=2)


def test_another_ground_beside_a_logo_is_no_part_of_it() -> None:
    picture = page()
    draw = ImageDraw.Draw(picture)
    draw.rectangle((190, 0, 400, 200), fill="#c0d0e0")
    draw.rectangle((0, 66, 400, 67), fill="black")
    assert snapped(picture, (95, 38, 200, 62)) == pytest.approx((100, 40, 181, 61), abs=2)
    close = to_ink(picture, (100, 40, 181, 61)).astype(int)
    assert np.abs(close - to_ink(page(), (100, 40, 181, 61))).mean() < 4


def test_where_there_is_no_ink_a_box_stays() -> None:
    for box in ((200.0, 100.0, 260.0, 120.0), (398.0, 10.0, 430.0, 30.0), (10.0, 10.0, 11.0, 11.0)):
        assert snapped(page(), box) == box


def test_embeddings_have_length_one_and_company_does_not_matter() -> None:
    torch.manual_seed(2)
    net = LogoNet(LOGO_SHAPE).eval()
    inks = [to_ink(page(), BOX), to_ink(page(), (125, 40, 185, 60))]
    found = embed_logos(net, inks)
    assert found.shape == (2, LOGO_SHAPE.size)
    assert np.linalg.norm(found, axis=1) == pytest.approx([1.0, 1.0], abs=1e-5)
    assert embed_logos(net, inks[1:])[0] == pytest.approx(found[1], abs=1e-6)
    assert not np.allclose(found[0], found[1], atol=1e-3)
    assert embed_logos(net, []).shape == (0, LOGO_SHAPE.size)
