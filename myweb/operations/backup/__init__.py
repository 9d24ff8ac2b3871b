"""
Backups: one archive with the database, the uploads and the settings, from which a site can be made again.

archive.py    what is in the file, and how it is written and checked
dialects.py   what differs between SQLite and PostgreSQL
making.py     a backup is made
keeping.py    where backups are, and which old ones are kept
scratch.py    a database beside the site's, for a backup to be tried out in
restoring.py  a backup becomes the site
proving.py    a backup shows that it could
in_scratch.py what runs in a process whose database is that scratch one
references.py which uploads are in use
"""
