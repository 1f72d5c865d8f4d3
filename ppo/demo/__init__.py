"""The whole ring with scripted raters and text classifiers, whose true taste is known: does it learn what they like?

May import: ppo, ppo.algorithm, ppo.model, ppo.model.loading, ppo.reward, ppo.tracking, ppo.training,
rater_data, rater_data.importing, rater_data.store.
"""
