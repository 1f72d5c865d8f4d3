"""Llama-shaped blocks, attention and products written by hand for processors: the same sums in fewer steps.

May import: ppo.
"""
