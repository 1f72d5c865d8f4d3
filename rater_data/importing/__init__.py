"""Files in: a file's rows become prompts, responses and ratings on the home's scale, all of them or none.

May import: rater_data, rater_data.importing.layouts, rater_data.importing.readers, rater_data.store,
rater_data.store.transfer.
"""
