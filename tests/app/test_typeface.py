from PySide6.QtGui import QFontInfo, QFontMetricsF
from PySide6.QtWidgets import QApplication

from app.typeface import font


def test_inter_ships_and_has_digits_of_one_width(qapp: QApplication) -> None:
    figure = font("figure")
    assert QFontInfo(figure).family().startswith("Inter")
    metrics = QFontMetricsF(figure)
    assert metrics.horizontalAdvance("1111") == metrics.horizontalAdvance("8888")
    assert QFontInfo(font("card title")).weight() > QFontInfo(font("body")).weight()
