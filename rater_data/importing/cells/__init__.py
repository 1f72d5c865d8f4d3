"""What single cells of a row mean, in whichever layout: texts, chats, scores, raters, tags, times.

May import: rater_data, rater_data.exporting.formats, rater_data.importing.readers.
"""
