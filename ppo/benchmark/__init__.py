"""One PPO step against the clock, beside what this machine could do at best.

May import: ppo, ppo.algorithm, ppo.model, ppo.model.loading.
"""
