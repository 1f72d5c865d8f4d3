"""How long a store of many ratings takes over what people wait for, on a made-up store. See `made_up`.

Times are of this machine as it is, medians and 95th percentiles. Export and import run in processes of their own,
whose largest memory is told.
"""

import json
import multiprocessing
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa

from rater_data.benchmark.synthetic import RATERS
from rater_data.records import Card, Rating
from rater_data.setting_names import READINESS
from rater_data.store import Store

CARDS = 300  # cards taken and rated
LOOKS = 20  # looks of the operator
MIB = 2**20
PER_PROMPT = 20  # of the file that is imported
ASIDE = "rateloop_bench"  # the schema it is imported into, on a server


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One line of the table: median and 95th percentile in milliseconds, and what the 95th (or `of`) must reach.

    `peak_mib`: the largest memory of the process that did it.
    """

    what: str
    median_ms: float
    p95_ms: float
    limit_ms: float | None = None
    peak_mib: float | None = None
    limit_mib: float | None = None

    @property
    def reached(self) -> bool | None:
        """None where there is no limit."""
        if self.limit_ms is None:
            return None
        in_time = self.p95_ms <= self.limit_ms
        return in_time and (
            self.limit_mib is None or self.peak_mib is None or self.peak_mib <= self.limit_mib
        )

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"reached": self.reached}


def measure(store: Store, ratings: int, files: bool = True) -> Iterator[Measure]:
    """Measures one thing after another; the store is changed by it (cards are rated).

    `files`: export and import too, which take the longest.
    """
    raters = [user.id for user in store.users()][:RATERS]
    turns = cycle(raters)

    def hands_free() -> int:
        rater = next(turns)
        store.release(rater)
        return rater

    def another_card() -> None:
        store.next_card(hands_free())

    yield _times("the next card", store.next_card, CARDS, 20, before=hands_free)
    held = {rater: store.next_card(rater) for rater in raters}

    def rate_and_go_on() -> None:
        rater = next(turns)
        card = held[rater]
        if card is None:
            held[rater] = store.next_card(rater)
        else:
            _, held[rater] = store.submit_and_deal(_rating(card, rater))

    yield _times("a rating saved, and the next card", rate_and_go_on, CARDS, 20)
    yield _times("a rater's screen, all of it", lambda: _screen(store, next(turns)), CARDS)
    yield _times("the operator's overview", lambda: _overview(store), LOOKS, 300)
    yield _times("… a round's progress in it", store.round_progress, LOOKS)
    yield _times("raters' own figures (counted beside)", store.rater_stats, 5)
    yield _times("did a round help (counted beside)", lambda: _helped(store), 5)
    # back to back, of which the console does one part in twenty: the worst that a rater can meet
    with _beside(store.rater_stats):
        yield _times("the next card, while those are counted", another_card, CARDS)
    yield _times("agreement of all raters, alpha", lambda: _alpha(store), 1)
    yield from _sealed(store, another_card)
    if files:
        yield from _out_and_in(store, ratings)


def _sealed(store: Store, another_card: Callable[[], None]) -> Iterator[Measure]:
    """The seal of the open round, and how long a rater who asks for cards meanwhile waits at the longest."""
    took = 0.0

    def seal() -> None:
        nonlocal took
        began = time.perf_counter()
        store.seal(store.rounds()[-1].number, "bench")
        took = (time.perf_counter() - began) * 1000

    thread = threading.Thread(target=seal)
    thread.start()
    waits = [0.0]
    while thread.is_alive():
        began = time.perf_counter()
        another_card()
        waits.append((time.perf_counter() - began) * 1000)
    thread.join()
    yield Measure(what="the seal of a round", median_ms=took, p95_ms=took)
    longest = max(waits)
    yield Measure(what="the longest wait for a card meanwhile", median_ms=longest, p95_ms=longest)


def _times(
    what: str,
    act: Callable[..., object],
    times: int,
    limit_ms: float | None = None,
    before: Callable[[], Any] | None = None,
) -> Measure:
    """How long `act` takes, once it was done untimed; it is given what `before` returns, which takes no part in it."""
    found = []
    for _ in range(times + 1):
        given = () if before is None else (before(),)
        began = time.perf_counter()
        act(*given)
        found.append((time.perf_counter() - began) * 1000)
    del found[0]
    return Measure(
        what=what,
        median_ms=float(np.median(found)),
        p95_ms=float(np.quantile(found, 0.95)),
        limit_ms=limit_ms,
    )


def _rating(card: Card, rater: int) -> Rating:
    now = time.time()
    return Rating(
        response_id=card.response_id,
        rater_id=rater,
        score=float(1 + card.response_id % 10),
        shown_at=card.shown_at,
        submitted_at=now,
        active_ms=4000,
        position=card.position,
        guideline_version=1,
        key=str(uuid.uuid4()),
    )


@contextmanager
def _beside(act: Callable[[], object]) -> Iterator[None]:
    """Does it again and again in a thread of this process, as the console does."""
    over = threading.Event()

    def again() -> None:
        while not over.is_set():
            act()

    thread = threading.Thread(target=again, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _screen(store: Store, rater: int) -> None:
    """What one reload of the rating screen asks the store."""
    store.next_card(rater)
    store.desk(rater, time.time() - 86_400, "asked")
    store.guideline()


def _overview(store: Store) -> None:
    """What one look of the console asks the store, without what it counts beside."""
    progress = store.round_progress()
    store.active_job()
    store.jobs(limit=1, kinds=("generate", "train"))
    store.newest_job("try")
    store.setting(READINESS)
    store.raters_at_work(300)
    store.round((progress.round.number if progress else 1) - 1)
    for found in store.rounds()[-3:]:
        store.steps(found.number)
    current = store.current_version()
    for version in {current.number, current.parent or 0} if current else ():
        store.samples(version)
    store.versions()
    store.users()
    store.scale()
    store.events(limit=50)
    store.guideline()


def _helped(store: Store) -> None:
    from rater_data.statistics.version_gain import version_gain_of_frame

    number = store.rounds()[-2].number
    version_gain_of_frame(store.scored(number), number)


def _alpha(store: Store) -> None:
    from rater_data.statistics.agreement import alpha_of_frame

    alpha_of_frame(store.scored())


# ---- out and in, each in a process of its own


def _out_and_in(store: Store, ratings: int) -> Iterator[Measure]:
    url = store.engine.url.render_as_string(hide_password=False)
    with tempfile.TemporaryDirectory(prefix="rateloop-bench-") as folder:
        out = Path(folder) / "ratings.parquet"
        yield _apart("all ratings to Parquet", _export, (store.home, url, out), 60, 500)
        file = Path(folder) / "ratings.jsonl"
        write_file(file, ratings)
        with _beside_it(store) as fresh:
            yield _apart("as many ratings imported", _import, (Path(folder) / "home", fresh, file), 300)


@contextmanager
def _beside_it(store: Store) -> Iterator[str | None]:
    """Where a second, empty store of the same kind is: None for a home's own file, else a schema of its own."""
    if store.is_file:
        yield None
        return
    with store.engine.begin() as connection:
        connection.execute(sa.schema.CreateSchema(ASIDE))
    address = store.engine.url.update_query_dict({"options": f"-csearch_path={ASIDE}"})
    try:
        yield address.render_as_string(hide_password=False)
    finally:
        with store.engine.begin() as connection:
            connection.execute(sa.schema.DropSchema(ASIDE, cascade=True))


def _apart(what: str, act: Callable, given: tuple, limit_s: float, limit_mib: float | None = None) -> Measure:
    context = multiprocessing.get_context("spawn")
    told = context.Queue()
    child = context.Process(target=_timed, args=(act, given, told))
    child.start()
    child.join()
    if child.exitcode != 0:
        raise RuntimeError(f"{what}: the process ended with {child.exitcode}; what it said stands above.")
    seconds, peak = told.get(timeout=10)
    return Measure(
        what=what,
        median_ms=seconds * 1000,
        p95_ms=seconds * 1000,
        limit_ms=limit_s * 1000,
        peak_mib=peak,
        limit_mib=limit_mib,
    )


def _timed(act: Callable, given: tuple, told: Any) -> None:
    began = time.perf_counter()
    act(*given)
    told.put((time.perf_counter() - began, _peak_mib()))


def _peak_mib() -> float | None:
    """The most memory that this process had; None where the system does not tell.

    Not `ru_maxrss`: a process begins with that of the one that started it.
    """
    try:
        lines = Path("/proc/self/status").read_text("ascii").splitlines()
    except OSError:
        return None
    return next(int(line.split()[1]) * 1024 / MIB for line in lines if line.startswith("VmHWM:"))


def _export(home: Path, url: str, out: Path) -> None:
    from rater_data.exporting.export import export

    store = Store.open(home, url)
    export(store, out, format="ratings", as_="parquet")
    store.close()


def _import(home: Path, url: str | None, file: Path) -> None:
    from rater_data.importing.import_files import import_ratings

    store = Store.open(home, url)
    import_ratings(store, file)
    store.close()


def write_file(file: Path, ratings: int) -> None:
    """A file of ratings as people bring them: prompt, response, rating and rater, one JSON object a line."""
    lines = (
        {
            "prompt": f"Question {i // PER_PROMPT}: what would you say?",
            "response": f"Answer {i}: " + "it depends on what you want to hear, and on whom you ask " * 3,
            "rating": 1 + i * 7 % 10,
            "rater": f"Rater {1 + i % RATERS}",
        }
        for i in range(ratings)
    )
    with file.open("w", encoding="utf-8") as out:
        while some := "".join(json.dumps(line) + "\n" for line in islice(lines, 10_000)):
            out.write(some)
