"""A reward head fitted on whatever ratings a home has, and a page about it: nothing is generated and no policy moves.

May import: ppo, ppo.algorithm, ppo.reward, ppo.reward.evaluation, ppo.training, rater_data, rater_data.overview,
rater_data.statistics, rater_data.store.
"""
