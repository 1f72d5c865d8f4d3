"""What is known: prompts, responses, ratings, people, rounds and versions. The others build on it.

Everything that crosses this border is a frozen record (`records`); everything kept is in one database
(`store`).
"""
