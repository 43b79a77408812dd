from soc_copilot.detection.load.saved import load
from soc_copilot.detection.weights import load_card


def test_a_model_and_its_card_are_written(trained):
    folder, card = trained
    stored = load_card(folder)
    assert card["forecasts"]["small"]["hour_ahead"] < card["forecasts"]["small"]["yesterday"]
    assert stored["forecasts"] == card["forecasts"]
    assert {
        "data",
        "split",
        "recipe",
        "course_recipe",
        "how_to_train",
        "limits",
        "hardware",
    } <= set(stored)
    model = load(folder)
    assert stored["version"] == model.version
    assert all(0.2 < s < 6 for s in model.spreads)
