from soc_copilot.detection.load.training.report import table


def test_a_table_of_all_figures():
    row = {
        "hour_ahead": 0.5, "day_ahead": 5.0, "seasonal_naive": 10.0, "yesterday": 7.0,
        "regression_hour_ahead": 1.6, "regression_day_ahead": 6.1, "clean_flagged": 0.3,
        "clean_alarms": 17,
    }  # fmt: skip
    struck = {
        "attacks": 12, "event_recall": 0.9, "hour_precision": 0.8, "hour_recall": 0.5,
        "median_delay_h": None, "template_right": 0.7, "median_size_error": 0.01,
    }  # fmt: skip
    text = table({"forecasts": {"PJME": row}, "attacks": {"20%": struck}})
    assert "PJME" in text
    assert "6.10" in text
    assert text.splitlines()[1].endswith(" 17")
    assert "0.900" in text
    assert len(table({"forecasts": {"PJME": row}, "attacks": {}}).splitlines()) == 2
