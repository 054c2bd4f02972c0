"""Files of metered values as markets exchange them: what they say, read and written exactly.

They do not open files, print, or store anything.
"""
