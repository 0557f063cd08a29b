"""Everything that touches the disk: the databases, all their SQL, and the photographs as files.

Nothing above this package knows SQLite; nothing in it knows HTTP.
"""
