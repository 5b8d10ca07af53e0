"""No mutant crashes a reader, hangs it, costs more than it may, or is refused without a clear sentence.

`INFEROMETER_FUZZ_SCALE=20` reads so many times as many mutants; the seed stays.
"""

import os

import pytest

from tests.fuzz.running import run

pytestmark = [pytest.mark.fuzz, pytest.mark.timeout(7200)]

SCALE = float(os.environ.get("INFEROMETER_FUZZ_SCALE", "1"))
COUNTS = {"gguf": 400, "session": 600, "plan": 600, "trace": 600, "import": 500, "import lines": 500, "imatrix": 300}


@pytest.mark.parametrize("target", COUNTS)
def test_mutants_are_read_or_refused_in_a_sentence(target, capsys):
    tally = run(target, range(round(COUNTS[target] * SCALE)))
    with capsys.disabled():
        print(f"\n{tally.line(target)}")
    first = dict(sorted(tally.faults.items())[:3])
    assert not tally.faults, "\n".join(f"{target} {number}: {what}" for number, what in first.items())
