"""What a GPU has to show: run as a script on a machine that has one (`make gpu-check`), never by pytest.

Each check is a process of its own with a time limit, so that one that fails hides none of the others.
"""
