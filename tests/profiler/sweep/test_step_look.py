"""What is looked into of a model and of a session's cell, and what is refused before anything is started."""

from dataclasses import replace
from pathlib import Path

import pytest

from profiler.errors import EnvironmentFault, UnusableArguments
from profiler.hardware import cpu
from profiler.session.reader import SessionReader
from profiler.session.writer import SessionWriter
from profiler.sweep import cell_breakdown
from profiler.sweep.cell_breakdown import break_down_cell, look_at_cell, thinned
from profiler.sweep.step_look import look_at_model
from tests.helpers.scripted_sweep import sweep_cells
from tests.helpers.written_session import write_session


@pytest.fixture
def session(tmp_path):
    return write_session(tmp_path / "six.inferometer")


@pytest.fixture
def here(monkeypatch):
    """This is the machine of the session."""
    monkeypatch.setattr(cpu, "read", lambda: replace(REAL, name="Example CPU"))


REAL = cpu.read()


def test_of_a_model_the_allocated_cells_are_the_same_for_all():
    look = look_at_model(Path("m.gguf"), [8, 1, 8], 2, prompt_tokens=200, depth=100)
    assert look.sequences == (1, 8)
    assert (look.context.slots, look.context.ctx_size, look.context.batch_size) == (8, 512, 512)  # 300 tokens, padded
    assert look_at_model(Path("m.gguf"), [1], 2, prompt_tokens=0).context.ctx_size == 256
    assert look_at_model(Path("m.gguf"), [1], 2, prompt_tokens=700).context.batch_size == 700
    with pytest.raises(UnusableArguments, match="300"):
        look_at_model(Path("m.gguf"), [1], 2, ctx_size=256, prompt_tokens=200, depth=100)
    with pytest.raises(UnusableArguments, match="at least one"):
        look_at_model(Path("m.gguf"), [], 2)


def test_of_a_cell_the_loads_beside_it_are_looked_into(session):
    with SessionReader.open(session) as reader:
        look = look_at_cell(reader, 2)  # of 1, 2 and 4 users
        assert look.sequences == (1, 2, 4)
        assert look.context.slots == 4
        assert (look.prompt_tokens, look.depth) == (64, 64 + 8)  # 16 tokens of answer, half of them
        assert look_at_cell(reader, 4).sequences == (1, 2)  # of the other quantization, where 4 users failed
        with pytest.raises(UnusableArguments, match="No run of this cell"):
            look_at_cell(reader, 6)
        with pytest.raises(UnusableArguments, match="no cell 9"):
            look_at_cell(reader, 9)


def test_a_single_load_has_a_single_sequence_beside_it(tmp_path):
    with SessionReader.open(write_session(tmp_path / "one.inferometer", measured=1, has_failure=False)) as reader:
        assert look_at_cell(reader, 1).sequences == (1,)


def test_the_memory_of_a_recurrent_model_is_looked_into_empty(session):
    with SessionWriter.open(session) as writer:
        cell = sweep_cells()[0]
        writer.update_cell(replace(cell, costs=replace(cell.costs, state_bytes_per_sequence=1000)))
    with SessionReader.open(session) as reader:
        assert look_at_cell(reader, 1).depth == 0
        assert look_at_cell(reader, 2).depth == 72


def test_many_loads_are_thinned_out():
    assert thinned(range(1, 4)) == (1, 2, 3)
    assert thinned(range(1, 12)) == (1, 3, 5, 7, 9, 11)
    assert thinned(range(1, 8)) == (1, 2, 3, 5, 6, 7)


@pytest.fixture
def no_look(monkeypatch):
    def take_apart(*_, **__):
        raise AssertionError("a look was taken")

    monkeypatch.setattr(cell_breakdown, "take_apart", take_apart)


def test_another_machines_session_is_not_looked_into(session, no_look, monkeypatch):
    monkeypatch.setattr(cpu, "read", lambda: replace(REAL, name="Some other CPU"))
    with pytest.raises(EnvironmentFault, match=r"another machine \(Example CPU\)"):
        break_down_cell(session, 1)


def test_a_model_that_has_gone_is_told(session, here, no_look):
    with pytest.raises(EnvironmentFault, match=r"model\.gguf is not there any more"):
        break_down_cell(session, 1)


def test_a_session_that_is_being_written_is_left_alone(session, here, no_look, monkeypatch):
    monkeypatch.setattr(cell_breakdown, "_check_model", lambda *_: None)
    with SessionWriter.open(session), pytest.raises(EnvironmentFault, match="being written"):
        break_down_cell(session, 1)
