"""``qms identifier check`` answers yes or no with its exit code, and says why."""

import pytest

from tests.cli.conftest import Qms


def test_a_code_that_is_valid_after_normalising_is_a_yes(qms: Qms) -> None:
    answer = qms("identifier", "check", "PIVA", "IT 00743110157", "--json")
    assert answer.code == 0
    assert answer.json["raw"] == "IT 00743110157"
    assert answer.json["normalised"] == "00743110157"
    assert answer.json["verdict"] == "valid_after_normalise"


def test_a_wrong_check_digit_is_a_no_with_its_reason(qms: Qms) -> None:
    answer = qms("identifier", "check", "PIVA", "00743110158")
    assert answer.code == 1
    assert answer.out.strip()


@pytest.mark.parametrize("value", ["", "\x00", "🦆" * 500, "[bold]x[/bold]", "-1"])
def test_whatever_is_typed_is_answered_without_a_trace(qms: Qms, value: str) -> None:
    answer = qms("identifier", "check", "--", "CIG", value)
    assert answer.code == 1
    assert "Traceback" not in answer.out + answer.err
