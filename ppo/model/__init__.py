"""Any causal language model: loaded and checked, adapted, packed, sampled from. Policy = base + LoRA + value head.

May import: ppo, ppo.model.cpu, rater_data.
"""
