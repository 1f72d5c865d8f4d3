"""Whatever raters do, in whatever order: one current rating each, no card with too many, nothing lost."""

import shutil
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from rater_data.errors import BadInput, LeaseExpired, NotYours
from tests.rater_data.store_world import make_world, rating

RATERS = st.integers(0, 2)
VERDICTS = st.sampled_from(["rated", "rated", "rated", "broken", "skip", "cannot_judge"])


class Raters(RuleBasedStateMachine):
    """Three raters on two prompts of two responses; the model is a dict of what each last said about each."""

    @initialize(overlap=st.integers(1, 3))
    def begin(self, overlap):
        self.folder = Path(tempfile.mkdtemp())
        self.world = make_world(self.folder / "home", prompts=2, k=2, raters=3, overlap=overlap)
        self.store, self.overlap = self.world.store, overlap
        self.now = 1_000_000.0
        self.said, self.held, self.acknowledged = {}, {}, 0

    def teardown(self):
        if hasattr(self, "world"):
            self.store.close()
            shutil.rmtree(self.folder)

    def _rater(self, i):
        return self.world.raters[i].id

    @rule(i=RATERS)
    def next_card(self, i):
        card = self.store.next_card(self._rater(i), now=self.now, lease_s=100)
        if card is None:
            self.held.pop(i, None)
            return
        assert (i, card.response_id) not in self.said, "a card that was answered came again"
        assert 1 <= card.position <= card.of <= 2
        self.held[i] = (card.response_id, card.lease_until)

    @rule(i=RATERS, verdict=VERDICTS, score=st.integers(1, 10))
    def submit(self, i, verdict, score):
        if i not in self.held:
            return
        response, until = self.held[i]
        given = rating(response, self._rater(i), float(score), verdict=verdict)
        try:
            stored = self.store.submit(given, now=self.now)
        except LeaseExpired:
            assert until <= self.now
        else:
            self.said[i, response] = (verdict, stored.score)
            self.acknowledged += 1
            assert self.store.submit(given, now=self.now) == stored
            del self.held[i]

    @rule(i=RATERS, response=st.integers(1, 4))
    def submit_what_is_not_mine(self, i, response):
        if self.held.get(i, (None,))[0] == response or (i, response) in self.said:
            return
        try:
            self.store.submit(rating(response, self._rater(i)), now=self.now)
        except NotYours:
            return
        raise AssertionError("a card that is not held was rated")

    @rule(i=RATERS)
    def undo(self, i):
        try:
            card = self.store.undo(self._rater(i), now=self.now, lease_s=100)
        except BadInput:
            return
        del self.said[i, card.response_id]
        self.held[i] = (card.response_id, card.lease_until)

    @rule(i=RATERS, score=st.integers(1, 10))
    def revise(self, i, score):
        recent = self.store.recent(self._rater(i), n=1)
        if not recent:
            return
        old = recent[0].rating
        try:
            new = self.store.revise(old.id, old.rater_id, score=float(score), now=self.now)
        except BadInput:
            assert old.verdict in ("skip", "cannot_judge")
        else:
            self.said[i, old.response_id] = ("rated", new.score)
            self.acknowledged += 1

    @rule(i=RATERS)
    def release(self, i):
        self.store.release(self._rater(i))
        self.held.pop(i, None)

    @rule(seconds=st.sampled_from([1.0, 60.0, 150.0]))
    def wait(self, seconds):
        self.now += seconds

    @invariant()
    def nothing_is_lost_and_nobody_is_in_the_way(self):
        if not hasattr(self, "world"):
            return
        current = self.store.rated()
        numbers = {user.id: i for i, user in enumerate(self.world.raters)}
        kept = {
            (numbers[r.rating.rater_id], r.rating.response_id): (r.rating.verdict, r.rating.score)
            for r in current
        }
        assert len(kept) == len(current), "two current ratings of one rater on one response"
        assert kept == self.said
        assert self.store.count_ratings(current=False) == self.acknowledged
        load = Counter(
            response for (_, response), (verdict, _) in kept.items() if verdict in ("rated", "broken")
        )
        holders = defaultdict(set)
        for i, (response, until) in self.held.items():
            if until > self.now:
                holders[response].add(i)
        for response in range(1, 5):
            assert load[response] + len(holders[response]) <= self.overlap, "more raters than the card wants"


@pytest.mark.usefixtures("backend")
def test_raters():
    wanted = settings(
        max_examples=12,
        stateful_step_count=25,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    run_state_machine_as_test(Raters, settings=wanted)
