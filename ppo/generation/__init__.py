"""Who writes the responses: the model in memory or a server of vLLM; and whether what it wrote is the policy's.

May import: ppo, ppo.algorithm, ppo.model, rater_data.
"""
