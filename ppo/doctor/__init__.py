"""What was loaded and how, what the model reads and where it stops, and what a round needs of this machine.

May import: ppo, ppo.algorithm, ppo.benchmark, ppo.costs, ppo.model, ppo.model.loading, ppo.training, rater_data,
rater_data.planning, rater_data.store, rater_data.store.database.
"""
