"""One PPO step against the clock, beside what this machine could do at best; random weights of known shapes.

May import: ppo, ppo.algorithm, ppo.model, ppo.model.loading, ppo.reward, ppo.reward.evaluation, rater_data.
"""
