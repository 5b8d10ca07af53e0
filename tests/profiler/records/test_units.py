import pytest

from profiler import units


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.01234, "0.0123"), (1.2345, "1.23"), (12.345, "12.3"), (123.4, "123"), (1234.5, "1234"), (-2.5, "-2.50")],
)
def test_three_significant_digits(value, text):
    assert units.significant(value) == text


@pytest.mark.parametrize(
    ("function", "value", "text"),
    [
        (units.bytes_text, 512, "512 B"),
        (units.bytes_text, 98_000_000, "98.0 MB"),
        (units.bytes_text, 999_600, "1.00 MB"),
        (units.bytes_text, 24e9, "24.0 GB"),
        (units.bytes_text, None, "not available"),
        (units.milliseconds_text, 412.3, "412 ms"),
        (units.milliseconds_text, 12_300, "12.3 s"),
        (units.rate_text, 98.72, "98.7 tok/s"),
        (units.duration_text, 39.6, "40 s"),
        (units.duration_text, 220, "3 min 40 s"),
        (units.duration_text, 120, "2 min"),
        (units.duration_text, 7500, "2 h 5 min"),
        (units.count_text, 134_515_008, "135 M"),
        (units.count_text, 1_240_000_000, "1.24 B"),
        (units.percent_text, 0.712, "71 %"),
        (units.percent_text, None, "not available"),
    ],
)
def test_numbers_as_people_read_them(function, value, text):
    assert function(value) == text


@pytest.mark.parametrize(
    ("value", "interval", "text"),
    [
        (185.0, (182.0, 188.4), "± 3"),
        (46.2, (45.9, 46.4), "± 0.2"),
        (185.0, (184.9, 185.1), "± 0.1"),
        (1240.0, (1000.0, 1600.0), "± 300"),
        (26.8, (0.1, 9_000_000.0), "± over 100 %"),
        (0.0123, (0.0121, 0.0125), "± 0.0002"),
        (100.0, (94.0, 100.0), "± 6"),
        (0.0, (0.0, 3.0), "± 3"),
        (0.0, (0.0, 0.0), "± 0"),
    ],
)
def test_half_an_interval_has_the_decimals_of_its_value(value, interval, text):
    assert units.half_width_text(value, interval) == text
