"""What is known: prompts, responses, ratings, people, rounds and versions. The others build on it.

The modules here are what every room uses: frozen records of all that passes between rooms, scales, errors, checks, the
settings of a round, files and hashes. Everything kept is in one database (`store`).

May import: nothing.
"""
