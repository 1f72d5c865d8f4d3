"""What is known: prompts, responses, ratings, people, rounds and versions. The others build on it.

The modules here are the words that every room speaks: frozen records of all that crosses a border, scales, errors,
checks, the settings of a round, files and hashes. Everything kept is in one database (`store`).

May import: nothing.
"""
