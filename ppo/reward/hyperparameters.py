"""What a head believes before it looks at single responses: weights of blocks, noise, how raters differ.

Found by maximising evidence × prior (`fit_hyperparameters` of evidence.py). All of it is in standardised units: of
scores, quality is (points − mean)/deviation of all scores; without scores it is in logits, the natural logarithm of
the odds.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from ppo.reward.judgements import COMPARISON, SCORE, Judgements

PRIOR_SD = 1.5  # of the logarithm of each variance: weights of blocks, own deviation, offsets
NOISE_SD = 1.0  # of the logarithm of the noise's variance
SLOPE_SD = 0.3  # of a rater's slope round 1; never outside SLOPES
SLOPES = (0.0, 2.0)
RATER_NOISE_SD = 0.3  # of the logarithm of a rater's noise round everybody's
SIGNAL, OWN, NOISE, OFFSETS = 0.5, 0.25, 0.25, 0.1  # variances expected, as shares of that of all scores
LOGIT_VARIANCE = 3.0  # that of quality in logits, where nothing is scored
CONSTANT = 1.0  # variance of what all responses have in common, of that of quality
LOGITS_A_UNIT = 2.0  # of a comparison, where there are scores, too; prior, with PRIOR_SD
TIES = 0.5  # Davidson's ν expected; prior, with PRIOR_SD


@dataclass(frozen=True)
class Hyperparameters:
    """`blocks` (B,): variance of the quality that each block of features explains. `own`: ω², what no feature sees.

    `noise`: deviation of a score. `offsets`: variance of raters' offsets (0 for a single rater). `constant`: variance
    of what all have in common. `logits`: of a comparison or a thumb for a unit of quality. `ties`: Davidson's ν.
    `slopes` (R,) and `rater_noise` (R,): what a rater makes of a unit of quality, and their noise over everybody's.
    """

    blocks: np.ndarray
    own: float
    noise: float
    offsets: float
    constant: float
    logits: float
    ties: float
    slopes: np.ndarray
    rater_noise: np.ndarray

    def sensitivity(self, judgements: Judgements) -> np.ndarray:
        """What each judgement moves for a unit of quality, (n,)."""
        unit = np.where(judgements.kind == SCORE, 1.0, self.logits)
        moved: np.ndarray = self.slopes[judgements.rater] * unit
        return moved

    def noises(self, judgements: Judgements) -> np.ndarray:
        """The deviation of each judgement's noise, (n,); of those that are no scores it means nothing."""
        noises: np.ndarray = self.noise * self.rater_noise[judgements.rater]
        return noises


def expected(judgements: Judgements, blocks: int) -> Hyperparameters:
    """The centre of the prior: what is believed of these judgements before their answers are read."""
    raters, scores = len(judgements.rater_ids), judgements.kind == SCORE
    unit = 1.0 if scores.any() else LOGIT_VARIANCE
    return Hyperparameters(
        blocks=np.full(blocks, unit * SIGNAL / blocks),
        own=unit * OWN,
        noise=float(np.sqrt(NOISE)),
        offsets=unit * OFFSETS if raters > 1 and judgements.has_offset.any() else 0.0,
        constant=unit * CONSTANT if judgements.has_offset.any() else 0.0,
        logits=LOGITS_A_UNIT if scores.any() else 1.0,
        ties=TIES if _has_ties(judgements) else 0.0,
        slopes=np.ones(raters),
        rater_noise=np.ones(raters),
    )


def _has_ties(judgements: Judgements) -> bool:
    return bool(((judgements.kind == COMPARISON) & (judgements.said == 0)).any())


@dataclass(frozen=True)
class Coordinates:
    """Hyperparameters as one vector for an optimiser, in deviations of their prior, and back.

    What the judgements say nothing of (a single rater's slope, ties where there are none) is left out and stays as
    expected.
    """

    centre: Hyperparameters
    scores: bool
    mixed: bool
    raters: bool
    rater_scores: bool
    names: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        b, r = len(self.centre.blocks), len(self.centre.slopes)
        names = [f"block {i}" for i in range(b)] + ["own"]
        names += ["noise"] * self.scores + ["offsets"] * (self.centre.offsets > 0)
        names += ["logits"] * self.mixed + ["ties"] * (self.centre.ties > 0)
        names += [f"slope {i}" for i in range(r) if self.raters]
        names += [f"noise {i}" for i in range(r) if self.rater_scores]
        object.__setattr__(self, "names", tuple(names))

    @classmethod
    def of(cls, judgements: Judgements, blocks: int) -> "Coordinates":
        """Those that these judgements can tell something of."""
        scores, many = judgements.kind == SCORE, len(judgements.rater_ids) > 1
        return cls(
            expected(judgements, blocks),
            bool(scores.any()),
            bool(scores.any() and not scores.all()),
            many,
            bool(many and scores.any()),
        )

    def bounds(self) -> list[tuple[float, float]]:
        """The least and greatest value of each coordinate."""
        low, high = ((edge - 1) / SLOPE_SD for edge in SLOPES)
        return [(low, high) if name.startswith("slope") else (-6.0, 6.0) for name in self.names]

    def place(self, theta: np.ndarray) -> Hyperparameters:
        """theta (len(names),) → hyperparameters."""
        b, r = len(self.centre.blocks), len(self.centre.slopes)
        at = dict(zip(self.names, theta, strict=True))

        def scaled(name: str, centre: float, deviation: float = PRIOR_SD) -> float:
            return float(centre * np.exp(deviation * at.get(name, 0.0)))

        blocks = self.centre.blocks * np.exp(PRIOR_SD * theta[:b])
        slopes, rater_noise = self.centre.slopes, self.centre.rater_noise
        if self.raters:
            slopes = np.array([1 + SLOPE_SD * at[f"slope {i}"] for i in range(r)])
        if self.rater_scores:
            rater_noise = np.array([np.exp(RATER_NOISE_SD * at[f"noise {i}"]) for i in range(r)])
        return replace(
            self.centre,
            blocks=blocks,
            own=scaled("own", self.centre.own),
            noise=scaled("noise", self.centre.noise, NOISE_SD / 2),
            offsets=scaled("offsets", self.centre.offsets),
            logits=scaled("logits", self.centre.logits),
            ties=scaled("ties", self.centre.ties),
            slopes=slopes,
            rater_noise=rater_noise,
        )
