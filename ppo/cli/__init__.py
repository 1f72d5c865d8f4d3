"""The commands of `python -m ppo`: a module for one or two of them, what they share in `common`, the entry in `main`.

May import: ppo, ppo.benchmark, ppo.demo, ppo.doctor, ppo.fitting, ppo.model, ppo.model.cpu, ppo.model.loading,
ppo.sharing, ppo.tracking, ppo.training, rater_data, rater_data.artifacts, rater_data.store.
"""
