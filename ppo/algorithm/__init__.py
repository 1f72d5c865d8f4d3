"""PPO's mathematics, one PPO update and the rules it keeps. No files, no store, no clock.

May import: ppo, ppo.model, ppo.reward, rater_data, rater_data.statistics.
"""
