"""What was loaded and how, what the model reads and where it stops, and what a round needs of this machine.

May import: ppo, ppo.algorithm, ppo.model, ppo.training.
"""
