"""A round from its first response to a published version, and the trainer's process; what reads and writes the store.

May import: ppo, ppo.algorithm, ppo.costs, ppo.generation, ppo.model, ppo.model.loading, ppo.reward,
ppo.reward.evaluation, ppo.tracking, rater_data, rater_data.artifacts, rater_data.planning, rater_data.statistics,
rater_data.store, rater_data.store.database.
"""
