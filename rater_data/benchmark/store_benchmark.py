"""What people wait for on a store of many ratings, timed one after another on a store that `synthetic` filled."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from itertools import cycle

from rater_data.benchmark.file_benchmark import time_export_and_import
from rater_data.benchmark.synthetic import RATERS
from rater_data.benchmark.timing import Measurement, elapsed_ms, repeat_in_background, time_calls
from rater_data.records import Card, Rating
from rater_data.round_settings import READINESS
from rater_data.store import Store

CARDS = 300  # cards taken and rated
OVERVIEWS = 20  # reads of the operator's overview


def benchmark_store(store: Store, ratings: int, files: bool = True) -> Iterator[Measurement]:
    """Times one thing after another; the store is changed by it (cards are rated).

    `files`: export and import too, which take the longest.
    """
    raters = [user.id for user in store.users()][:RATERS]
    turns = cycle(raters)

    def free_rater() -> int:
        rater = next(turns)
        store.release(rater)
        return rater

    def deal_card() -> None:
        store.next_card(free_rater())

    yield time_calls("the next card", store.next_card, CARDS, 20, setup=free_rater)
    held = {rater: store.next_card(rater) for rater in raters}

    def rate_and_deal() -> None:
        rater = next(turns)
        card = held[rater]
        if card is None:
            held[rater] = store.next_card(rater)
        else:
            _, held[rater] = store.submit_and_deal(_rating(card, rater))

    yield time_calls("a rating saved, and the next card", rate_and_deal, CARDS, 20)
    yield time_calls("a rater's screen, all of it", lambda: _read_rating_screen(store, next(turns)), CARDS)
    yield time_calls("the operator's overview", lambda: _read_overview(store), OVERVIEWS, 300)
    yield time_calls("… a round's progress in it", store.round_progress, OVERVIEWS)
    yield time_calls("raters' own figures (counted beside)", store.rater_stats, 5)
    yield time_calls("did a round help (counted beside)", lambda: _round_verdict(store), 5)
    # back to back, of which the console does one part in twenty: the worst that a rater can meet
    with repeat_in_background(store.rater_stats):
        yield time_calls("the next card, while those are counted", deal_card, CARDS)
    yield time_calls("agreement of all raters, alpha", lambda: _agreement(store), 1)
    yield from _time_seal(store, deal_card)
    if files:
        yield from time_export_and_import(store, ratings)


def _time_seal(store: Store, deal_card: Callable[[], None]) -> Iterator[Measurement]:
    """The seal of the open round, and how long a rater who asks for cards meanwhile waits at the longest."""
    seal_ms = 0.0

    def seal() -> None:
        nonlocal seal_ms
        seal_ms = elapsed_ms(lambda: store.seal(store.rounds()[-1].number, "bench"))

    thread = threading.Thread(target=seal)
    thread.start()
    waits = [0.0]
    while thread.is_alive():
        waits.append(elapsed_ms(deal_card))
    thread.join()
    yield Measurement(what="the seal of a round", median_ms=seal_ms, p95_ms=seal_ms)
    longest = max(waits)
    yield Measurement(what="the longest wait for a card meanwhile", median_ms=longest, p95_ms=longest)


def _rating(card: Card, rater: int) -> Rating:
    return Rating(
        response_id=card.response_id,
        rater_id=rater,
        score=float(1 + card.response_id % 10),
        shown_at=card.shown_at,
        submitted_at=time.time(),
        active_ms=4000,
        position=card.position,
        guideline_version=1,
        key=str(uuid.uuid4()),
    )


def _read_rating_screen(store: Store, rater: int) -> None:
    """What one reload of the rating screen reads."""
    store.next_card(rater)
    store.screen_context(rater, time.time() - 86_400)
    store.guideline()


def _read_overview(store: Store) -> None:
    """What one refresh of the console reads, without what it counts in the background."""
    progress = store.round_progress()
    store.active_job()
    store.jobs(limit=1, kinds=("generate", "train"))
    store.newest_job("try")
    store.setting(READINESS)
    store.raters_at_work(300)
    store.round((progress.round.number if progress else 1) - 1)
    for recent in store.rounds()[-3:]:
        store.steps(recent.number)
    current = store.current_version()
    for version in {current.number, current.parent or 0} if current else ():
        store.samples(version)
    store.versions()
    store.users()
    store.scale()
    store.events(limit=50)
    store.guideline()


def _round_verdict(store: Store) -> None:
    store.round_verdict(store.rounds()[-2].number)


def _agreement(store: Store) -> None:
    from rater_data.statistics.agreement import alpha_of_frame

    alpha_of_frame(store.score_frame())
