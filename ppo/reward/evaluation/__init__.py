"""How good a reward head is on prompts that it was not fitted on, whether that is chance, and what more ratings buy.
Pure.

May import: ppo.reward.
"""
