"""Any causal language model: its prompts and stops, adapted, packed, sampled from. Policy = base + LoRA + value head.

May import: ppo, ppo.model.cpu, rater_data.
"""
