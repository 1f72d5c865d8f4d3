"""What a mini-batch costs on this machine, in seconds and bytes, measured by working one.

May import: ppo, ppo.algorithm, ppo.model, rater_data.planning.
"""
