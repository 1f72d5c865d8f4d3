"""Which base model, and from where: a folder or a hub id is loaded exactly, or refused with a sentence that says why.

May import: ppo, ppo.model, ppo.model.devices, rater_data.
"""
