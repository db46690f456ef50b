"""Expressions that try to reach Python, to run for ever, to take all memory or to read what they may not: a corpus, every one refused."""

import time
import tracemalloc
from pathlib import Path

import pytest

from qms.workflows.expression import compile_expression
from qms.workflows.types import Mistake
from tests.workflows.test_expression import NAMES

CORPUS = [line for line in Path(__file__).with_name("hostile_expressions.txt").read_text(encoding="utf-8").split("\n") if line]


def test_the_corpus_is_large_and_says_nothing_twice() -> None:
    assert len(CORPUS) >= 200
    assert len(set(CORPUS)) == len(CORPUS)


@pytest.mark.parametrize("text", CORPUS, ids=range(len(CORPUS)))
def test_it_is_refused_when_its_file_is_loaded(text: str) -> None:
    with pytest.raises(Mistake):
        compile_expression(text, 1, NAMES)


def test_refusing_all_of_them_takes_no_time_and_no_memory() -> None:
    tracemalloc.start()
    began = time.process_time()
    for text in CORPUS:
        with pytest.raises(Mistake):
            compile_expression(text, 1, NAMES)
    spent, (_, peak) = time.process_time() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert spent < 20
    assert peak < 50_000_000
