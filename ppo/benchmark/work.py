"""What one step of the bench does: the work of the peers' benchmarks, and its chat prompts."""

from dataclasses import dataclass, replace

from ppo.config import Config, LoraSettings, PPOConfig, SampleConfig

SUBJECTS = ("cats", "rice", "the moon", "music", "rain", "bread", "football", "winter")
ASKED = (
    "Tell me a fun fact about {}.",
    "How do I cook {} at home?",
    "Write one sentence about {}.",
    "Why do people like {}?",
    "Give me a tip about {}.",
    "What is the best thing about {}?",
    "Explain {} to a child.",
    "Is {} good for you?",
)


@dataclass(frozen=True)
class BenchmarkSize:
    """What one step does. `batch` responses, `per_prompt` of them to each prompt."""

    batch: int = 16
    per_prompt: int = 1
    tokens: int = 48
    epochs: int = 4
    minibatch: int = 4
    rank: int = 16

    def scaled(self) -> list["BenchmarkSize"]:
        """The same work with other batches and with other lengths."""
        batches = [replace(self, batch=n) for n in (8, 16, 32, 64)]
        return batches + [replace(self, tokens=n) for n in (24, 48, 96)]

    def config(self) -> Config:
        """As the engine's settings: temperature 1, a fixed KL coefficient, no early stop."""
        return Config(
            sample=SampleConfig(temperature=1.0, max_new_tokens=self.tokens),
            lora=LoraSettings(r=self.rank, alpha=2 * self.rank),
            ppo=replace(
                PPOConfig(),
                epochs=self.epochs,
                minibatch=self.minibatch,
                kl_target=0.0,
                kl_stop=1e9,
                learning_rate=1e-5,
                steps=10**6,
            ),
        )

    def questions(self, number: int = 0) -> list[str]:
        """What the prompts of step `number` ask."""
        every = [ask.format(subject) for ask in ASKED for subject in SUBJECTS]
        count = max(1, self.batch // self.per_prompt)
        return [every[(number * count + 7 * i) % len(every)] for i in range(count)]
