"""The settings of a round that an operator may change, with what they mean, their defaults and their bounds; and the
names of all settings that a home keeps.

The engine has more (see ppo/config.py); these are the ones that change what a round asks of people or how far it
may go. A test holds that names and defaults are the engine's. Changes count from the next round that is started.
"""

from dataclasses import dataclass
from typing import Any

from rater_data import checks
from rater_data.errors import BadInput

# The names under which a home keeps its settings in the database: `Store.setting(name)`
HOME_ID = "home"  # a random text that tells browsers homes apart
QUESTIONS = "asks"  # further qualities and flags that raters are asked for
ENGINE_REPORT = (
    "engine"  # what the trainer says of the model it loaded: {"model", "family", "path", "why", "gap", …}
)
READINESS = "readiness"  # what the reward head would be worth, were it trained now
RATER_REVIEW = (
    "rater_review"  # what the trainer last found out about the raters: see ppo/algorithm/rater_review.py
)
ROUND_COSTS = "round_costs"  # what the trainer measured of its machine: see planning/costs.py
FIRST_RESPONSES = (
    "first_responses"  # of the last rounds, seconds from asking for responses to the first of them
)
REFERENCE = "reference"  # the base model's measures
SET_ASIDE = (
    "prompts_set_aside"  # prompts of the open round that the model's chat template cannot write: `set_aside`
)
ROUND_CONFIG = "round_config"  # what operators changed of the engine's settings: see `round_settings`
CHOSEN_SCALE = "scale"  # what raters judge by
SERVER_URL = "url"  # where this home was last served
ARTIFACTS = "artifacts"  # where adapters and checkpoints are kept, if not in the home: {"id", "location"}
RELEASE = "release"  # of the server that was started last: {"version", "schema", "checkpoints"}
RETURN_WHEN_HURT = (
    "return_when_hurt"  # whether a version that is certain to have hurt goes out of use by itself
)
TRAIN_AT_QUOTA = "train_at_quota"  # whether a round that has its ratings is trained by itself
RETURNED_FROM = "returned_from"  # the versions that went out of use so: whoever uses one again keeps it
TRAINER_STARTING = "trainer_starting"  # when a server last said that its trainer starts, epoch s
WORKERS = "workers"  # who trained here lately, by name: {"host", "device", "release", "seen_at"}

GENERATOR_KEY = "RATELOOP_GENERATOR_KEY"
"""The environment variable with the key of a server that writes responses: never on a command line, never in a log."""

MIN_RATINGS_TO_TRAIN = 8
"""Below this the reward head could learn nothing: no round may ask for fewer, and none is trained with fewer."""


EMBEDDED_MODEL = "smollm2-135m-instruct"
"""The model that comes with the program."""
EMBEDDED_SYSTEM = "You are a helpful assistant. Answer in one short sentence."
"""Its system prompt in a new home: without it most of its answers are cut (docs/training.md has the shares)."""
CHAT, PLAIN = "chat", "plain"
"""Prompt formats: messages by the model's chat template, or the text itself, which the model continues."""
SYSTEM_PATH, FORMAT_PATH = "sample.system", "sample.prompt_format"
LIMIT_PATH, LIMIT_FROM_PATH = "sample.max_new_tokens", "sample.max_new_tokens_from"


@dataclass(frozen=True, slots=True)
class TextSetting:
    """A setting that is a text: of at most `longest` characters, or one of `choices` where there are any.

    `unit`: what it is, or what its choices are; `effect`: what happens when it is changed.
    """

    path: str
    label: str
    default: str
    unit: str
    group: str
    effect: str
    longest: int = 0
    choices: tuple[str, ...] = ()

    def check(self, value: object) -> str:
        """The value as the engine takes it. Raises BadInput for no text, one too long, one that is no choice."""
        checks.text(self.label, value)
        text = str(value).strip()
        if self.choices:
            checks.one_of(self.label, text, self.choices)
        elif len(text) > self.longest:
            raise BadInput(f"{self.label} has at most {self.longest} characters, not {len(text)}.")
        return text


@dataclass(frozen=True, slots=True)
class RoundSetting:
    """One setting: `part.name` in the engine's config, in words, with its bounds.

    `effect`: what happens when it goes up.
    """

    path: str
    label: str
    default: float
    low: float
    high: float
    unit: str
    group: str
    effect: str

    @property
    def is_whole(self) -> bool:
        """Whether it counts things."""
        return isinstance(self.default, int)

    def check(self, value: object) -> float:
        """The value as the engine takes it. Raises BadInput for no number, one out of bounds, a fraction of a whole."""
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
            raise BadInput(f"{self.label} has to be a number from {self.low:g} to {self.high:g}.")
        if not self.low <= value <= self.high:
            raise BadInput(f"{self.label} has to be from {self.low:g} to {self.high:g}, not {value:g}.")
        if self.is_whole and value != int(value):
            raise BadInput(f"{self.label} has to be a whole number, not {value:g}.")
        return int(value) if self.is_whole else float(value)


PLAN, SAMPLING, TRAINING = "What a round asks", "How responses are written", "How far training goes"
SHARE = "share of the ratings"
# fmt: off
ROUND_SETTINGS: tuple[RoundSetting | TextSetting, ...] = (
    RoundSetting("plan.ratings", "Ratings per round", 64, MIN_RATINGS_TO_TRAIN, 100_000,
        "ratings", PLAN, "a round learns more, and people rate longer for it"),
    RoundSetting("plan.responses_per_prompt", "Responses per prompt", 2, 2, 16,
        "responses", PLAN, "fewer prompts for the same ratings, and nothing more is learned"),
    RoundSetting("plan.calibration_share", "Calibration", 0.25, 0.0, 0.5,
        f"{SHARE}, by several raters", PLAN, "agreement is known better, and a little less is learned"),
    RoundSetting("plan.overlap", "Raters per calibration response", 4, 2, 20,
        "raters", PLAN, "raters are told apart better, on fewer responses"),
    RoundSetting("plan.control_share", "Control arm", 0.25, 0.0, 0.5,
        f"{SHARE}, from the version before", PLAN, "surer whether the last round helped, and fewer scores for PPO"),
    RoundSetting("plan.holdout_share", "Holdout", 0.06, 0.0, 0.5,
        f"{SHARE}, never trained on", PLAN,
        "more is known of prompts that nothing is trained on, and fewer scores for PPO"),
    RoundSetting("plan.anchors", "Anchors", 2, 0, 50,
        "responses, repeated every round; none where raters compare", PLAN,
        "raters' drift between rounds is seen better, for a rating each"),
    TextSetting(SYSTEM_PATH, "System prompt", "",
        "for chats that bring none; raters can open it", SAMPLING,
        "every response is told it, and the base model is measured anew", longest=4000),
    TextSetting(FORMAT_PATH, "Prompt format", CHAT,
        "chat: by the model's chat template; plain: the model continues the text", SAMPLING,
        "all responses are written otherwise, and the base model is measured anew", choices=(CHAT, PLAIN)),
    RoundSetting(LIMIT_PATH, "Maximum response length", 96, 4, 1024,
        "tokens", SAMPLING, "fewer responses are cut; time and memory grow with them"),
    RoundSetting(LIMIT_FROM_PATH, "Shortest response limit", 0, 0, 1024,
        "tokens; each response draws its own limit from here to the maximum, 0 = the maximum for all", SAMPLING,
        "limits differ less, and fewer responses are cut early"),
    RoundSetting("sample.temperature", "Temperature", 0.7, 0.2, 1.5,
        "the logits are divided by it", SAMPLING, "responses differ more, and more of them make no sense"),
    RoundSetting("sample.max_prompt_tokens", "Maximum prompt length", 256, 16, 8192,
        "tokens", SAMPLING, "long prompts lose less of their beginning, and take more time and memory"),
    RoundSetting("ppo.steps", "PPO steps", 6, 1, 200,
        "rollout batches", TRAINING, "more is learned of the reward head, its mistakes too; takes longer"),
    RoundSetting("ppo.prompts_per_step", "Prompts per PPO step", 16, 1, 256,
        "prompts, four rollouts each", TRAINING, "steadier steps that take longer"),
    RoundSetting("ppo.people_epochs", "PPO epochs on ratings", 2, 0, 10,
        "passes; 0 = only the reward head", TRAINING, "more is taken from each rating, its noise too"),
    RoundSetting("ppo.learning_rate", "Learning rate", 6e-4, 1e-6, 1e-2,
        "of the adapter, at a round's start", TRAINING,
        "learns faster, less steadily, and meets the KL budget sooner"),
    RoundSetting("ppo.kl_coef", "KL coefficient", 0.05, 0.0, 2.0,
        "standard deviations of the score a nat", TRAINING, "more careful, slower to learn"),
    RoundSetting("ppo.kl_budget", "KL budget per round", 6.0, 0.1, 100.0,
        "nats per response", TRAINING, "a round may change more before people look again"),
    RoundSetting("ppo.kl_ceiling", "KL ceiling", 12.0, 0.1, 200.0,
        "nats per response from the base model", TRAINING, "versions may end up further from the base model"),
    RoundSetting("ppo.diversity", "Minimum distinct-2", 0.94, 0.0, 1.0,
        "share of the base model's", TRAINING,
        "answers may repeat themselves less, and less of a round is kept where they do"),
)
# fmt: on
SETTING_OF_PATH = {setting.path: setting for setting in ROUND_SETTINGS}


def is_continuation(config: dict[str, Any]) -> bool:
    """Whether the responses of a round with this config go on with their prompts' texts."""
    return config.get("sample", {}).get("prompt_format", CHAT) == PLAIN


def system_prompt(config: dict[str, Any]) -> str:
    """What a round with this config tells the model before chats that bring no system message; "" = nothing."""
    return "" if is_continuation(config) else str(config.get("sample", {}).get("system", ""))


@dataclass(frozen=True, slots=True)
class Told:
    """What stood before the responses of a round: `system` before chats that bring no system message of their own.

    `continuation`: they go on with their prompts' texts, and nothing was told.
    """

    system: str = ""
    continuation: bool = False

    @classmethod
    def of(cls, config: dict[str, Any]) -> "Told":
        """By the config of the round; an earlier release, which had neither, told nothing."""
        return cls(system_prompt(config), is_continuation(config))

    def to_prompt(self, messages: list[dict[str, str]]) -> "Told":
        """The same of one prompt: a system message of its own stands in place of the round's."""
        own = any(message["role"] == "system" for message in messages)
        return Told("", self.continuation) if own else self


def joined_text(messages: list[dict[str, str]]) -> str:
    """The text of a prompt that is continued: as the model is given it."""
    return "\n".join(message["content"] for message in messages)


def parse_length_range(text: str) -> tuple[int, int]:
    """`96` or `4:16` → the shortest limit (0 = one limit for all) and the maximum. Raises BadInput."""
    first, colon, last = text.strip().partition(":")
    low, high = (first, last) if colon else ("0", first)
    if not (low.isascii() and low.isdigit() and high.isascii() and high.isdigit()):
        raise BadInput(f"A response length is a number of tokens, or a range as in 4:16, not {text!r}.")
    if colon and not 1 <= int(low) <= int(high):
        raise BadInput(f"The range {text!r} has to go from 1 or more to something as large.")
    return int(low), int(high)


def embedded_defaults(stored: dict[str, Any]) -> dict[str, Any]:
    """What a new home of the embedded model keeps under `ROUND_CONFIG`, given what was set before it began."""
    sample = stored.get("sample", {})
    if "system" in sample or sample.get("prompt_format", CHAT) != CHAT:
        return stored
    return {**stored, "sample": {**sample, "system": EMBEDDED_SYSTEM}}


def keep_older_length(stored: dict[str, Any], last: dict[str, Any]) -> dict[str, Any]:
    """What a home keeps under `ROUND_CONFIG` when its newest round, of config `last`, was begun by an older release.

    Its responses stay as long as they were: the default was 40 tokens then, and nobody asked for more.
    """
    sample, used = stored.get("sample", {}), last.get("sample", {})
    if "prompt_format" in used or "max_new_tokens" not in used or "max_new_tokens" in sample:
        return stored
    return {**stored, "sample": {**sample, "max_new_tokens": used["max_new_tokens"]}}


def default_values(model: str) -> dict[str, float | str]:
    """Every setting's default by path, in a home of that base model."""
    values: dict[str, float | str] = {setting.path: setting.default for setting in ROUND_SETTINGS}
    return values | ({SYSTEM_PATH: EMBEDDED_SYSTEM} if model == EMBEDDED_MODEL else {})


def current_values(stored: dict[str, Any]) -> dict[str, float | str]:
    """Every setting's value by path: what is stored under `ROUND_CONFIG`, else the default."""
    values = {}
    for setting in ROUND_SETTINGS:
        part, name = setting.path.split(".")
        values[setting.path] = stored.get(part, {}).get(name, setting.default)
    return values


def apply_changes(changes: dict[str, object], stored: dict[str, Any]) -> dict[str, Any]:
    """What is to be stored after changes by path: what differs from its default, and what is not offered here.

    Raises BadInput for a path that is not offered, a value out of bounds, and limits that contradict each other.
    """
    for path in changes:
        if path not in SETTING_OF_PATH:
            raise BadInput(f"{path} is no setting of a round: there are {', '.join(SETTING_OF_PATH)}.")
    checked = {path: SETTING_OF_PATH[path].check(value) for path, value in changes.items()}
    values = current_values(stored) | checked
    shares = sum(float(values[f"plan.{name}_share"]) for name in ("calibration", "control", "holdout"))
    if shares > 0.9:
        raise BadInput(
            f"The shares add up to {shares:.0%}: leave at least a tenth of the ratings for training."
        )
    shortest, longest = float(values[LIMIT_FROM_PATH]), float(values[LIMIT_PATH])
    if shortest > longest:
        raise BadInput(
            f"The shortest limit, {shortest:g} tokens, cannot be above the maximum response length, {longest:g}."
        )
    result = _not_offered(stored)
    for path, value in values.items():
        part, name = path.split(".")
        # A system prompt that was taken away stays away (the embedded model would get its own again), and so does the
        # length of an older release that somebody did not want
        chosen = path in (SYSTEM_PATH, LIMIT_PATH) and (path in changes or name in stored.get(part, {}))
        if value != SETTING_OF_PATH[path].default or chosen:
            result.setdefault(part, {})[name] = value
    return result


def _not_offered(stored: dict[str, Any]) -> dict[str, Any]:
    """Stored settings of the engine that no operator changes here."""
    result = {}
    for part, settings in stored.items():
        if isinstance(settings, dict):
            settings = {n: value for n, value in settings.items() if f"{part}.{n}" not in SETTING_OF_PATH}
        if settings:
            result[part] = settings
    return result
