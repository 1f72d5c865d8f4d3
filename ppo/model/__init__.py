"""Any causal language model: its prompts and stops, adapted, packed, sampled from. Policy = base + LoRA + value head.

May import: ppo, ppo.model.cpu, ppo.model.devices, rater_data.
"""
