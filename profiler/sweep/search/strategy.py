"""What a search looks at next, and why. Pure: from what is known to the next block of runs, one and the same each time.

The order of things: every arm at the highest load; where settings vary, short looks first, after each of which the slower half of
a group's settings goes (successive halving); then each arm's boundary between two loads, halving the ratio between them; an arm
that can no longer win is left as it is; a boundary on which the choice hangs is looked at again. At last the winner and the
runner-up run afresh.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from profiler.records.run_record import RunPurpose
from profiler.sweep.search.bracket import Bracket, between, bracket, doublings
from profiler.sweep.search.evidence import Evidence, Verdict
from profiler.sweep.search.problem import Problem

SHORT_SHARES = (0.25, 0.5)
"""Of a load, in the rungs of successive halving."""

HALVED_ABOVE = 2
"""A group with more settings than this is halved."""

MOST_LOOKS = 3
"""At one place, without the confirming runs."""

MOST_CONFIRMED_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Step:
    """A block of runs to come.

    Attributes:
        purpose: what they are for.
        looks: (arm, place) of each, each once.
        sentence: what is done and why.
        share: of the load, below 1 for short looks.
        runs: of each look.
    """

    purpose: RunPurpose
    looks: tuple[tuple[int, int], ...]
    sentence: str
    share: float = 1.0
    runs: int = 1


@dataclass
class Strategy:
    """The search's state beside the evidence: who is out, and what was confirmed.

    Attributes:
        out: arms that are looked at no further, each with the reason.
    """

    problem: Problem
    evidence: Evidence
    confirm_repetitions: int = 6
    out: dict[int, str] = field(default_factory=dict)
    rounds: int = 0

    def live(self) -> list[int]:
        """Arms still in the running."""
        return [arm for arm in range(len(self.problem.arms)) if arm not in self.out]

    def next_step(self, *, is_hurried: bool = False) -> Step | None:
        """The next block; None when nothing is left to find out. In a hurry only the fresh runs are left to do."""
        if is_hurried:
            return self._confirm()
        return self._rung() or self._tops() or self._narrow() or self._repeat() or self._confirm()

    def fail(self, arm: int, reason: str) -> None:
        """The arm cannot be run."""
        self.out.setdefault(arm, reason)

    def best_place(self, arm: int) -> int | None:
        """Where an arm serves most within the limits (without limits: its knee), as far as was looked; None where nowhere."""
        evidence = self.evidence
        places = [place for place in evidence.places(arm) if evidence.likely_meets(arm, place)]
        figure = evidence.speed if self.problem.slo else evidence.power
        valued = [(estimate.middle, place) for place in places if (estimate := figure(arm, place)) is not None]
        return max(valued)[1] if valued else None

    def ranking(self) -> list[tuple[int, int]]:
        """Arms with a place within the limits, the fastest there first."""
        found = []
        for arm in range(len(self.problem.arms)):
            place = self.best_place(arm)
            speed = None if place is None else self.evidence.speed(arm, place)
            if place is not None and speed is not None:
                found.append((speed.middle, arm, place))
        return [(arm, place) for _, arm, place in sorted(found, key=lambda each: (-each[0], each[1]))]

    def candidates(self) -> list[tuple[int, int]]:
        """The winner and the runner-up; with one arm only, its second best load stands against the best."""
        ranked = self.ranking()
        if len(ranked) >= 2 or not ranked:
            return ranked[:2]
        arm, place = ranked[0]
        others = [
            (speed.middle, other)
            for other in self.evidence.places(arm)
            if other != place and self.evidence.likely_meets(arm, other) and (speed := self.evidence.speed(arm, other))
        ]
        return [(arm, place), *((arm, other) for _, other in sorted(others, reverse=True)[:1])]

    def runs_left(self) -> int:
        """A guess at the runs still to come: one for each halving between the ends of a boundary, and the fresh ones."""
        brackets = [bracket(self.problem, self.evidence, arm) for arm in self.live()]
        halvings = sum(max(0, known.breaks - known.meets - 1).bit_length() for known in brackets)
        fresh = 0 if self.rounds else 2 * self.confirm_repetitions
        return halvings + fresh

    def _rung(self) -> Step | None:
        """Short looks at groups with many settings, or None when each group is small enough."""
        for rung, share in enumerate(SHORT_SHARES):
            crowded = [arms for arms in self._groups() if len(arms) > HALVED_ABOVE]
            missing = [arm for arms in crowded for arm in arms if self.evidence.short_speed(arm, share) is None]
            if missing:
                count = len({self.problem.arms[arm].group for arm in missing})
                what = f"{len(missing)} settings" if count == 1 else f"{len(missing)} settings of {count} files"
                load = self.problem.load_words(self._top)
                sentence = f"Short looks, {share:.0%} of the load, at {what} with {load}: the slower half goes."
                return Step(RunPurpose.SHORT_LOOK, self._at_top(missing), sentence, share)
            for arms in crowded:
                if not any(self._was_looked_at_longer(arm, rung) for arm in arms):
                    self._halve(arms, share)
        return None

    def _was_looked_at_longer(self, arm: int, rung: int) -> bool:
        """Halving is done once a rung: later it would halve the survivors again for the same looks."""
        longer = SHORT_SHARES[rung + 1 :]
        return bool(self.evidence.places(arm)) or any(self.evidence.short_speed(arm, share) is not None for share in longer)

    def _halve(self, arms: list[int], share: float) -> None:
        speeds = {arm: self.evidence.short_speed(arm, share) or 0.0 for arm in arms}
        kept = sorted(arms, key=lambda arm: (-speeds[arm], arm))[: max(HALVED_ABOVE, (len(arms) + 1) // 2)]
        best = speeds[kept[0]]
        for arm in arms:
            if arm not in kept:
                behind = f"{speeds[arm]:.0f} tok/s against {best:.0f}" if best else "no tokens"
                self.out[arm] = f"among the slower half of its settings in a short look ({behind})"

    def _tops(self) -> Step | None:
        """Every arm at the highest load: what it can give at all."""
        missing = [arm for arm in self.live() if not self.evidence.looks(arm, self._top)]
        if not missing:
            return None
        what = self.problem.arms[missing[0]].name if len(missing) == 1 else f"All {len(missing)} candidates"
        return Step(
            RunPurpose.LOOK, self._at_top(missing), f"{what} with {self.problem.load_words(self._top)}, the most allowed."
        )

    def _narrow(self) -> Step | None:
        """One look further at each boundary that is not found yet and may decide something."""
        self._drop_losers()
        looks = []
        told = []
        for arm in self.live():
            place = self._next_place(arm, bracket(self.problem, self.evidence, arm))
            if place is not None:
                looks.append((arm, place))
                told.append(self.problem.words(arm, place))
        if not looks:
            return None
        return Step(RunPurpose.LOOK, tuple(looks), f"Narrowing down: {', '.join(told)}.")

    def _next_place(self, arm: int, known: Bracket) -> int | None:
        if not self.problem.slo:
            return self._next_to_knee(arm)
        if not known.has_order:
            # One load says nothing of another: all doublings are looked at, and the best of them taken.
            return next((place for place in doublings(self.problem) if not self.evidence.looks(arm, place)), None)
        return None if known.is_closed else between(self.problem, known.meets, known.breaks)

    def _next_to_knee(self, arm: int) -> int | None:
        """Doublings first; then between the best of what was seen and its neighbours, until they are too close to tell apart."""
        coarse = next((place for place in doublings(self.problem) if not self.evidence.looks(arm, place)), None)
        if coarse is not None:
            return coarse
        places, best = self.evidence.places(arm), self.best_place(arm)
        if best is None:
            return None
        top = self.evidence.power(arm, best)
        for neighbour in (
            next((place for place in places if place > best), None),
            next((place for place in reversed(places) if place < best), None),
        ):
            if neighbour is None or abs(neighbour - best) <= 1:
                continue
            other = self.evidence.power(arm, neighbour)
            ratio = self.problem.ladder[max(best, neighbour)] / self.problem.ladder[min(best, neighbour)]
            if top is not None and other is not None and other.high >= top.low and ratio > 1.3:
                return between(self.problem, min(best, neighbour), max(best, neighbour))
        return None

    def _repeat(self) -> Step | None:
        """Boundaries whose verdict is open are looked at again, where the arm may be the winner or the runner-up."""
        contenders = {arm for arm, _ in self._contenders()}
        looks = []
        for arm in self.live():
            known = bracket(self.problem, self.evidence, arm)
            at_boundary = [place for place in (known.meets, known.breaks) if 0 <= place < len(self.problem.ladder)]
            looks += [
                (arm, place)
                for place in at_boundary
                if arm in contenders
                and not self.evidence.is_confirmed(arm, place)
                and self.evidence.looks(arm, place) < MOST_LOOKS
                and self.evidence.verdict(arm, place) is Verdict.OPEN
            ]
        if not looks:
            return None
        told = ", ".join(self.problem.words(arm, place) for arm, place in looks)
        return Step(RunPurpose.LOOK, tuple(looks), f"Too close to a limit to tell, once more: {told}.")

    def _confirm(self) -> Step | None:
        chosen = self.candidates()
        missing = [each for each in chosen if not self.evidence.is_confirmed(*each)]
        if not missing or self.rounds >= MOST_CONFIRMED_ROUNDS:
            return None
        self.rounds += 1
        names = [self.problem.words(arm, place) for arm, place in missing]
        sentence = f"Fresh runs, which took no part in the choice: {' and '.join(names)}."
        return Step(RunPurpose.CONFIRM, tuple(missing), sentence, runs=self.confirm_repetitions)

    def _contenders(self) -> list[tuple[int, int]]:
        """The ranking's first, and all whose interval reaches the second's."""
        ranked = self.ranking()
        if len(ranked) < 2:
            return ranked
        second = self.evidence.speed(*ranked[1])
        assert second is not None  # it is ranked by it
        return [each for each in ranked if (speed := self.evidence.speed(*each)) is not None and speed.high >= second.low]

    def _drop_losers(self) -> None:
        """Take out each arm that another one beats in all that is known, whatever is still to be found out about it."""
        for arm in self.live():
            for rival in self.live():
                if rival == arm or not self._is_no_better(arm, rival):
                    continue
                place = self.best_place(rival)
                sure = None if place is None else self.evidence.speed(rival, place)
                most = self._most(arm)
                if place is not None and sure is not None and most is not None and most < sure.low:
                    rival_words = self.problem.words(rival, place)
                    self.out[arm] = f"gives at most {most:.0f} tok/s at any load, {rival_words} at least {sure.low:.0f}"
                    break

    def _is_no_better(self, arm: int, rival: int) -> bool:
        """Whether an arm has neither less memory nor less loss than another, as far as both are known."""
        ours, theirs = self.problem.arms[arm], self.problem.arms[rival]
        needs_less = ours.memory_bytes is not None and theirs.memory_bytes is not None and ours.memory_bytes < theirs.memory_bytes
        loses_less = ours.loss is not None and theirs.loss is not None and ours.loss < theirs.loss
        return not needs_less and not loses_less

    def _most(self, arm: int) -> float | None:
        """Output that an arm surely does not exceed within the limits; None while that cannot be said.

        More load gives no less output, unless it was seen to (`Bracket.has_order`): the lowest load known to break the limits
        bounds all below it.
        """
        known = bracket(self.problem, self.evidence, arm)
        if not known.has_order:
            return None
        place = known.breaks if known.breaks < len(self.problem.ladder) else self._top
        speed = self.evidence.speed(arm, place)
        return None if speed is None else speed.high

    def _groups(self) -> Iterable[list[int]]:
        groups: dict[int, list[int]] = {}
        for arm in self.live():
            groups.setdefault(self.problem.arms[arm].group, []).append(arm)
        return groups.values()

    def _at_top(self, arms: Iterable[int]) -> tuple[tuple[int, int], ...]:
        return tuple((arm, self._top) for arm in arms)

    @property
    def _top(self) -> int:
        return len(self.problem.ladder) - 1
