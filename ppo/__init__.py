"""What is learned: the reward head, the policy and its versions. Meets `app` at the store only.

May import: rater_data.
"""
