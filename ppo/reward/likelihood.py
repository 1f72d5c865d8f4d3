"""How likely an answer is for what a rater feels: a Gaussian round it for scores, Davidson's model for the rest.

Thumbs, comparisons and "worse than usual" have one form: the answer is −1, 0 (a tie) or 1 with log p = y·η/2 + [y =
0]·log ν − log(2·cosh(η/2) + ν) (Davidson 1970). With ν = 0 it is the logistic function, and y = 0 is then half a win
for each side.
"""

from dataclasses import dataclass

import numpy as np

LOG_2PI = float(np.log(2 * np.pi))


@dataclass(frozen=True)
class Terms:
    """log p and its derivatives by η, each (n,); `curvature` is the *negative* second derivative, never below 0."""

    log_p: np.ndarray
    slope: np.ndarray
    curvature: np.ndarray
    third: np.ndarray


@dataclass(frozen=True)
class Derivatives:
    """What a parameter of the likelihood changes of log p, of its slope and of its curvature, each (n,)."""

    log_p: np.ndarray
    slope: np.ndarray
    curvature: np.ndarray


@dataclass(frozen=True)
class Likelihood:
    """Answers `said` (n,); `gaussian` (n,) bool where they are scores, with noise of deviation `noise` (n,).

    `ties` is ν. `weight` (n,): how much a judgement counts, as if it had been given that often.
    """

    said: np.ndarray
    gaussian: np.ndarray
    noise: np.ndarray
    ties: float
    weight: np.ndarray

    def terms(self, eta: np.ndarray) -> Terms:
        """log p of the answers where raters feel `eta` (n,)."""
        left = self.said - eta
        precision = 1 / self.noise**2
        d0, d1, d2, d3, size = self._davidson(eta)
        tie = (self.said == 0) * (np.log(self.ties) if self.ties > 0 else 0.0)
        win = self.said * eta / 2 + tie - np.log(d0) - size
        g = d1 / d0
        pick, w = self.gaussian, self.weight
        return Terms(
            w * np.where(pick, -0.5 * left**2 * precision - np.log(self.noise) - LOG_2PI / 2, win),
            w * np.where(pick, left * precision, self.said / 2 - g),
            w * np.where(pick, precision, d2 / d0 - g**2),
            w * np.where(pick, 0.0, -(d3 / d0 - 3 * g * d2 / d0 + 2 * g**3)),
        )

    def by_log_noise(self, eta: np.ndarray) -> Derivatives:
        """By the logarithm of each judgement's own noise."""
        left, precision = self.said - eta, 1 / self.noise**2
        w = self.weight * self.gaussian
        return Derivatives(w * (left**2 * precision - 1), -2 * w * left * precision, -2 * w * precision)

    def by_log_ties(self, eta: np.ndarray) -> Derivatives:
        """By the logarithm of ν."""
        d0, d1, d2, _, size = self._davidson(eta)
        nu, w = self.ties * np.exp(-size), self.weight * ~self.gaussian
        g = d1 / d0
        return Derivatives(
            w * ((self.said == 0) - nu / d0), w * g * nu / d0, w * nu / d0**2 * (2 * g * d1 - d2)
        )

    def _davidson(self, eta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """2·cosh(η/2) + ν and its three derivatives, each divided by exp(|η|/2), and |η|/2."""
        size = np.abs(eta) / 2
        small = np.exp(-2 * size)
        cosh, sinh = (1 + small) / 2, np.sign(eta) * (1 - small) / 2
        return 2 * cosh + self.ties * np.exp(-size), sinh, cosh / 2, sinh / 4, size
