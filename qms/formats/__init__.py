"""Files and texts that come from outside or go there, read as values: notices, identifiers, amounts, moments, file names.

Bytes in, values out: nothing here knows the database, the library or who asks.
"""
