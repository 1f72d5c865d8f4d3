"""PPO's mathematics, the reward head, one PPO update and the rules it keeps. No files, no store, no clock.

May import: ppo, ppo.model, rater_data, rater_data.statistics.
"""
